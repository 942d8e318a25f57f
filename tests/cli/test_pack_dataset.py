"""`pack-dataset`: what it writes, says and refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.images import encoded, image_folder
from support.packs import files_of

from penstock.formats import LMDB, Folder, Pack, open_dataset

Command = Callable[..., Any]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return image_folder(tmp_path / "in", {"cat": 6, "dog": 4})


def test_packs_a_folder(pack: Command, folder: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*.jpg")}
    run = pack(folder, tmp_path / "out", "--shard-size", "3kB")
    assert (run.code, run.err) == (0, "")
    assert run.out.startswith(f"{tmp_path}/out: packed 10 images (")
    assert run.out.endswith(" times the source, 2 classes) in 4 shards\n")
    assert Pack(tmp_path / "out").manifest.codecs == {"dct": 10}
    assert len(Pack(tmp_path / "out")) == 10
    assert {path: path.read_bytes() for path in folder.rglob("*.jpg")} == before


def test_a_finished_pack_is_left_alone(pack: Command, folder: Path, tmp_path: Path) -> None:
    pack(folder, tmp_path / "out")
    before = files_of(tmp_path / "out")
    again = pack(folder, tmp_path / "out")
    assert again.code == 0
    assert "already complete" in again.out
    other = pack(folder, tmp_path / "out", "--resize", 8)
    assert (other.code, other.out) == (1, "")
    assert other.err.startswith("Error: ")
    assert "--resize was not given, now it is 8" in other.err
    assert "Use --overwrite" in other.err
    assert files_of(tmp_path / "out") == before
    assert pack(folder, tmp_path / "out", "--resize", 8, "--overwrite").code == 0
    assert Pack(tmp_path / "out").manifest.lossy == {"resize": 8, "quality": 90}


def test_json_says_everything(pack: Command, folder: Path, tmp_path: Path) -> None:
    (folder / "cat" / "bad.jpg").write_bytes(b"not an image")
    run = pack(folder, tmp_path / "out", "--on-error", "skip", "--json")
    (part,) = json.loads(run.out)["parts"]
    assert part["images"] == 10
    assert part["skipped"][0]["source"] == "cat/bad.jpg"
    assert run.err == (
        "left out cat/bad.jpg: expected an image that Pillow reads, but the bytes are of no known image format\n"
    )
    assert Pack(tmp_path / "out").manifest.skipped[0]["source"] == "cat/bad.jpg"


@pytest.mark.parametrize("workers", [0, 2])
def test_a_bad_image_stops_the_run_and_is_named(pack: Command, folder: Path, tmp_path: Path, workers: int) -> None:
    bad = folder / "dog" / "bad.jpg"
    bad.write_bytes(encoded(0)[:400])
    run = pack(folder, tmp_path / "out", "--workers", workers)
    assert run.code == 1
    assert run.err.startswith(f"Error: {bad}: ")
    assert run.err.count("\n") == 1
    assert "With --on-error skip the same command leaves out such images" in run.err
    assert not (tmp_path / "out").exists()


def test_after_a_bad_image_skip_goes_on_as_the_message_says(pack: Command, folder: Path, tmp_path: Path) -> None:
    (folder / "dog" / "bad.jpg").write_bytes(encoded(0)[:400])
    command = (folder, tmp_path / "out", "--shard-size", "3kB")
    assert "finished shards stay, and it goes on after them" in pack(*command).err
    assert "and without --overwrite it goes on" in pack(*command, "--overwrite").err
    finished = len(list((tmp_path / "out").glob("shard-*")))
    assert finished > 0
    run = pack(*command, "--on-error", "skip")
    assert run.code == 0
    assert f"1 image left out, {finished} shards from an earlier run" in run.out


@pytest.mark.parametrize(("content", "message"), [(b"", "no bytes"), (b"just text", "no known image format")])
def test_other_bad_files_are_named(pack: Command, folder: Path, tmp_path: Path, content: bytes, message: str) -> None:
    bad = folder / "cat" / "bad.jpg"
    bad.write_bytes(content)
    run = pack(folder, tmp_path / "out")
    assert run.code == 1
    assert str(bad) in run.err
    assert message in run.err


def test_dry_run_writes_nothing(pack: Command, folder: Path, tmp_path: Path) -> None:
    run = pack(folder, tmp_path / "out", "--dry-run", "--shard-size", 3000)
    assert run.code == 0
    assert run.out.startswith(f"{tmp_path}/out: would hold 10 images (")
    assert run.out.endswith("2 classes) in 4 shards; nothing was written\n")
    told = json.loads(pack(folder, tmp_path / "out", "--dry-run", "--json", "--shard-size", 3000).out)["parts"][0]
    assert (told["images"], told["shards"], told["dry_run"]) == (10, 4, True)
    assert not (tmp_path / "out").exists()


def test_train_and_val_share_classes(pack: Command, tmp_path: Path) -> None:
    image_folder(tmp_path / "in" / "train", {"cat": 2, "dog": 2, "owl": 1})
    image_folder(tmp_path / "in" / "val", {"dog": 1, "owl": 2})
    run = pack(tmp_path / "in", tmp_path / "out")
    assert run.code == 0, run.err
    assert [line.split(":")[0] for line in run.out.splitlines()] == [f"{tmp_path}/out/train", f"{tmp_path}/out/val"]
    val = Pack(tmp_path / "out" / "val")
    assert val.classes == ["cat", "dog", "owl"]
    assert val.labels.tolist() == [1, 2, 2]


def test_a_class_of_val_alone_is_an_error(pack: Command, tmp_path: Path) -> None:
    image_folder(tmp_path / "in" / "train", {"cat": 2})
    image_folder(tmp_path / "in" / "val", {"dog": 1})
    run = pack(tmp_path / "in", tmp_path / "out")
    assert run.code == 1
    assert "dog" in run.err
    assert not (tmp_path / "out").exists()


def test_split_cuts_a_folder_into_parts(pack: Command, folder: Path, tmp_path: Path) -> None:
    run = pack(folder, tmp_path / "out", "--split", "0.6,0.2,0.2")
    assert run.code == 0, run.err
    parts = [Pack(tmp_path / "out" / name) for name in ("train", "val", "test")]
    assert [len(part) for part in parts] == [6, 2, 2]
    everything = Folder(folder)
    assert sorted(name for part in parts for name in part.names) == [everything.name(k) for k in range(10)]
    assert pack(folder, tmp_path / "out", "--split", "0.6,0.2,0.2").out.count("already complete") == 3
    other = pack(folder, tmp_path / "out", "--split", "0.6,0.2,0.2", "--seed", 1)
    assert other.code == 1
    assert "--split-seed was 0, now it is 1" in other.err
    assert pack(folder, tmp_path / "two", "--split", "0.5,0.5").code == 0
    assert [path.name for path in sorted((tmp_path / "two").iterdir())] == ["train", "val"]


def test_classes_from_numbers_labels_as_another_pack(pack: Command, folder: Path, tmp_path: Path) -> None:
    image_folder(tmp_path / "more", {"ant": 1, "cat": 1, "dog": 1})
    pack(tmp_path / "more", tmp_path / "first")
    assert pack(folder, tmp_path / "out", "--classes-from", tmp_path / "first").code == 0
    assert Pack(tmp_path / "out").classes == ["ant", "cat", "dog"]
    assert set(Pack(tmp_path / "out").labels.tolist()) == {1, 2}
    refused = pack(tmp_path / "more", tmp_path / "third", "--classes-from", folder)
    assert refused.code == 1
    assert "ant" in refused.err


def test_csv_with_named_columns(pack: Command, folder: Path, tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    table.write_text("id,file,red,big\n7,cat/000.jpg,1,0\n8,dog/001.jpg,0,1\n")
    columns = ("--image-column", "file", "--label-column", "red", "--label-column", "big")
    run = pack(table, tmp_path / "out", "--images", folder, *columns)
    assert run.code == 0, run.err
    made = Pack(tmp_path / "out")
    assert made.labels.tolist() == [[1, 0], [0, 1]]
    assert made.manifest.options["label_column"] == ["red", "big"]


def test_csv_with_columns_by_position(pack: Command, folder: Path, tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    table.write_text("kind,number,picture\nb,3,cat/000.jpg\na,4,dog/001.jpg\n")
    run = pack(table, tmp_path / "out", "--images", folder, "--image-column", 2, "--label-column", 0)
    assert run.code == 0, run.err
    made = Pack(tmp_path / "out")
    assert (made.classes, made.labels.tolist()) == (["a", "b"], [1, 0])


def test_shuffle_is_that_of_the_seed(pack: Command, folder: Path, tmp_path: Path) -> None:
    orders = []
    for number, seed in enumerate((5, 5, 6)):
        assert pack(folder, tmp_path / str(number), "--shuffle", "--seed", seed).code == 0
        orders.append(list(Pack(tmp_path / str(number)).names))
    plain = [Folder(folder).name(k) for k in range(10)]
    assert orders[0] == orders[1] != orders[2]
    assert all(sorted(order) == plain != order for order in orders)


def test_csv_without_the_column(pack: Command, folder: Path, tmp_path: Path) -> None:
    (folder / "labels.csv").write_text("file,kind\ncat/000.jpg,cat\n")
    run = pack(folder / "labels.csv", tmp_path / "out", "--label-column", "colour")
    assert run.code == 1
    assert "'colour'" in run.err
    assert run.err.count("\n") == 1


def test_csv_with_missing_files(pack: Command, folder: Path, tmp_path: Path) -> None:
    (folder / "labels.csv").write_text("file,kind\ncat/000.jpg,cat\ncat/gone.jpg,cat\n")
    run = pack(folder / "labels.csv", tmp_path / "out")
    assert run.code == 1
    assert "cat/gone.jpg" in run.err
    assert not (tmp_path / "out").exists()


def test_directory_without_images(pack: Command, tmp_path: Path) -> None:
    (tmp_path / "in" / "cat").mkdir(parents=True)
    run = pack(tmp_path / "in", tmp_path / "out")
    assert run.code == 1
    assert str(tmp_path / "in") in run.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("workers", [0, 2])
def test_lmdb_holds_the_same_samples(pack: Command, folder: Path, tmp_path: Path, workers: int) -> None:
    run = pack(folder, tmp_path / "out", "--to", "lmdb", "--workers", workers, "--shuffle")
    assert run.code == 0, run.err
    made = open_dataset(tmp_path / "out")
    assert isinstance(made, LMDB)
    pack(folder, tmp_path / "pack", "--shuffle")
    expected = Pack(tmp_path / "pack")
    assert [made.name(k) for k in range(10)] == list(expected.names)
    np.testing.assert_array_equal(made[:][0], expected[:][0])
    assert made.classes == ["cat", "dog"]
    assert pack(folder, tmp_path / "out", "--to", "lmdb").code == 1
    assert pack(folder, tmp_path / "out", "--to", "lmdb", "--overwrite").code == 0
    assert pack(tmp_path / "out", tmp_path / "back").code == 0


def test_lmdb_stops_skips_and_keeps_other_files(pack: Command, folder: Path, tmp_path: Path) -> None:
    (folder / "cat" / "bad.jpg").write_bytes(b"")
    stopped = pack(folder, tmp_path / "out", "--to", "lmdb")
    assert stopped.code == 1
    assert "bad.jpg" in stopped.err
    assert "--on-error skip" in stopped.err
    assert "shards" not in stopped.err
    assert not (tmp_path / "out").exists()
    assert pack(folder, tmp_path / "out", "--to", "lmdb", "--on-error", "skip").code == 0
    assert len(open_dataset(tmp_path / "out")) == 10
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "letter.txt").write_text("dear")
    assert "'letter.txt'" in pack(folder, tmp_path / "foreign", "--to", "lmdb").err


def test_resize_shrinks_and_never_enlarges(pack: Command, tmp_path: Path) -> None:
    (tmp_path / "in" / "a").mkdir(parents=True)
    small, large, png = encoded(1), encoded(2, width=80, height=40), encoded(3, "PNG", width=64, height=96)
    for name, data in (("0.jpg", small), ("1.jpg", large), ("2.png", png)):
        (tmp_path / "in" / "a" / name).write_bytes(data)
    assert pack(tmp_path / "in", tmp_path / "out", "--resize", 32).code == 0
    made = Pack(tmp_path / "out")
    assert [image.shape for image, _ in made] == [(16, 20, 3), (32, 64, 3), (48, 32, 3)]
    np.testing.assert_array_equal(made[0][0], Folder(tmp_path / "in")[0][0])
    with Image.open(tmp_path / "in" / "a" / "2.png") as image:
        expected = np.asarray(image.convert("RGB").resize((32, 48), Image.Resampling.LANCZOS))
    np.testing.assert_array_equal(made[2][0], expected)
    assert made.manifest.lossy == {"resize": 32, "quality": 90}


def test_quality_encodes_every_jpeg_anew(pack: Command, tmp_path: Path) -> None:
    (tmp_path / "in" / "a").mkdir(parents=True)
    jpeg, png = encoded(1, width=64, height=64, quality=95), encoded(3, "PNG")
    (tmp_path / "in" / "a" / "0.jpg").write_bytes(jpeg)
    (tmp_path / "in" / "a" / "1.png").write_bytes(png)
    assert pack(tmp_path / "in", tmp_path / "out", "--quality", 30).code == 0
    length = Pack(tmp_path / "out").records([0, 1]).length
    assert length[0] < len(jpeg) / 2
    assert length[1] == len(png)


def test_misuse_has_exit_code_2(pack: Command, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("file,label\ncat/000.jpg,cat\n")
    for arguments, message in [
        ((folder,), "Missing argument 'DST'"),
        ((tmp_path / "nowhere", tmp_path / "out"), "does not exist"),
        ((folder, tmp_path / "out", "--split", "0.5"), "expected two fractions"),
        ((folder, tmp_path / "out", "--split", "a,b"), "expected two fractions"),
        ((folder, tmp_path / "out", "--split", "0.5,0.1"), "sum to 0.6"),
        ((folder, tmp_path / "out", "--shard-size", "big"), "expected a size such as 256MB"),
        ((folder, tmp_path / "out", "--quality", "0"), "0 is not in the range"),
        ((folder, tmp_path / "out", "--images", folder), "has no option images"),
        ((folder, folder), "must not be SRC"),
        ((folder, folder / "out"), "must not be SRC"),
        ((tmp_path / "a.csv", folder / "out", "--images", folder), "must not be --images"),
    ]:
        run = pack(*arguments)
        assert run.code == 2, (arguments, run)
        assert message in run.err
        assert run.out == ""
    assert not (tmp_path / "out").exists()


def test_a_destination_with_other_files_is_refused(pack: Command, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("chapter 1")
    for extra in ((), ("--overwrite",), ("--split", "0.5,0.5")):
        run = pack(folder, tmp_path / "out", *extra)
        assert run.code == 1
        assert "'thesis.tex'" in run.err
    assert files_of(tmp_path / "out") == {"thesis.tex": b"chapter 1"}
    file = pack(folder, tmp_path / "out" / "thesis.tex")
    assert file.code == 1
    assert "got a file" in file.err


def test_a_split_source_is_not_split_again(pack: Command, tmp_path: Path) -> None:
    image_folder(tmp_path / "in" / "train", {"cat": 2})
    run = pack(tmp_path / "in", tmp_path / "out", "--split", "0.5,0.5")
    assert run.code == 2
    assert "is split already, into train" in run.err


@pytest.mark.parametrize("to", ["pack", "lmdb"])
def test_a_destination_that_can_not_be_made_is_named(pack: Command, folder: Path, tmp_path: Path, to: str) -> None:
    (tmp_path / "loop").symlink_to("loop")
    for destination in (tmp_path / "loop", tmp_path / "loop" / "below", tmp_path / ("x" * 300)):
        run = pack(folder, destination, "--to", to)
        assert (run.code, run.out, run.err.count("\n")) == (1, "", 1)
        assert run.err.startswith(f"Error: {destination}")
        assert "can't be written" in run.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "loop"]


def test_a_split_that_leaves_a_part_empty_writes_nothing(pack: Command, folder: Path, tmp_path: Path) -> None:
    run = pack(folder, tmp_path / "out", "--split", "0.999,0.001")
    assert (run.code, run.out) == (2, "")
    assert "--split: 0.999,0.001 leaves val none of the 10 images" in run.err
    assert not (tmp_path / "out").exists()


def test_a_number_too_long_for_a_position_is_a_name(pack: Command, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("image,label\na.jpg,1\n")
    run = pack(tmp_path / "in.csv", tmp_path / "out", "--label-column", "1" * 5000)
    assert run.code == 1
    assert "has no column named '111" in run.err


def test_a_finished_lmdb_says_how_to_replace_it(pack: Command, folder: Path, tmp_path: Path) -> None:
    assert pack(folder, tmp_path / "out", "--to", "lmdb").code == 0
    again = pack(folder, tmp_path / "out", "--to", "lmdb")
    assert again.code == 1
    assert "is there already; give another path, or replace it with --overwrite" in again.err


@pytest.fixture
def mixed(folder: Path) -> Path:
    """Ten JPEGs, two PNGs (one by another name) and a CMYK JPEG."""
    (folder / "cat" / "a.png").write_bytes(encoded(20, "PNG"))
    (folder / "dog" / "b.JPEG").write_bytes(encoded(21, "PNG"))
    Image.new("CMYK", (20, 16), (10, 90, 200, 30)).save(folder / "dog" / "c.jpg")
    return folder


@pytest.mark.parametrize("workers", [0, 2])
def test_what_can_not_be_dct_is_counted_and_named(
    pack: Command, look: Command, mixed: Path, tmp_path: Path, workers: int
) -> None:
    options = ("--shard-size", "3kB", "--workers", workers)
    run = pack(mixed, tmp_path / "out", *options)
    assert run.code == 0, run.err
    counted = "2 (PNG file), 1 (CMYK JPEG)"
    assert run.out.splitlines()[1] == f"{tmp_path}/out: stored encoded, as found: {counted}"
    assert pack(mixed, tmp_path / "out", *options).out.splitlines()[1].endswith(counted)
    (part,) = json.loads(pack(mixed, tmp_path / "out", *options, "--json").out)["parts"]
    assert part["codecs"] == {"encoded": 3, "dct": 10}
    assert part["fallbacks"] == {"PNG file": 2, "CMYK JPEG": 1}
    assert part["source_bytes"] == sum(path.stat().st_size for path in mixed.rglob("*.*"))
    told = " ".join(look("inspect", tmp_path / "out").out.split())
    assert f"codecs encoded 3, dct 10 encoded {counted}" in told
    (content,) = json.loads(look("inspect", tmp_path / "out", "--json").out)
    assert (content["fallbacks"], content["source_bytes"]) == (part["fallbacks"], part["source_bytes"])
    assert look("verify", tmp_path / "out").out.endswith(", 10 decoded: all right\n")


@pytest.mark.parametrize("codec", ["dct", "encoded", "raw"])
def test_each_codec_gives_the_same_pixels(
    pack: Command, look: Command, mixed: Path, tmp_path: Path, codec: str
) -> None:
    run = pack(mixed, tmp_path / "out", "--codec", codec)
    assert run.code == 0, run.err
    assert ("stored encoded" in run.out) == (codec == "dct")
    made, source = Pack(tmp_path / "out"), Folder(mixed)
    for index in range(len(source)):
        np.testing.assert_array_equal(made[index][0], source[index][0])
    expected = {"dct": {"encoded": 3, "dct": 10}, "encoded": {"encoded": 13}, "raw": {"raw": 13}}[codec]
    assert made.manifest.codecs == expected
    assert made.manifest.lossy is None
    assert look("verify", tmp_path / "out", "--decode").code == 0
    other = pack(mixed, tmp_path / "out", "--codec", "raw" if codec != "raw" else "dct")
    assert other.code == 1
    assert f"--codec was {codec}, now it is" in other.err


def test_a_dct_pack_becomes_any_other_container(pack: Command, mixed: Path, tmp_path: Path) -> None:
    pack(mixed, tmp_path / "dct")
    assert pack(tmp_path / "dct", tmp_path / "jpegs", "--codec", "encoded").code == 0
    assert pack(tmp_path / "dct", tmp_path / "lmdb", "--to", "lmdb").code == 0
    assert pack(tmp_path / "jpegs", tmp_path / "again").code == 0
    again, source = Pack(tmp_path / "again"), Folder(mixed)
    assert again.manifest.codecs == {"encoded": 3, "dct": 10}
    for index in range(len(source)):
        for made in (Pack(tmp_path / "jpegs"), open_dataset(tmp_path / "lmdb"), again):
            np.testing.assert_array_equal(made[index][0], source[index][0])


def test_an_lmdb_holds_no_dct_records(pack: Command, folder: Path, tmp_path: Path) -> None:
    run = pack(folder, tmp_path / "out", "--to", "lmdb", "--codec", "dct")
    assert (run.code, run.out) == (2, "")
    assert "codec dct is that of packs: choose encoded or raw" in run.err
    assert pack(folder, tmp_path / "out", "--to", "lmdb", "--codec", "raw").code == 0
    np.testing.assert_array_equal(open_dataset(tmp_path / "out")[3][0], Folder(folder)[3][0])


def test_quality_has_no_meaning_for_raw_pixels(pack: Command, folder: Path, tmp_path: Path) -> None:
    run = pack(folder, tmp_path / "out", "--codec", "raw", "--quality", 80)
    assert (run.code, run.out) == (2, "")
    assert "quality is that of JPEGs, and codec raw stores pixels: leave out one of them" in run.err

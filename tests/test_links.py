"""Links in the documents: what they point to is in the repository, headings included."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LINK = re.compile(r"(?<!\\)\[[^\]\n]*\]\(<?([^)\s>]+)>?\)")
FENCED = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:")


def documents() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z", "*.md"], cwd=ROOT, capture_output=True, check=False)
    names = listed.stdout.decode().split("\0")[:-1] if listed.returncode == 0 else []
    tracked = [ROOT / name for name in names if (ROOT / name).is_file()]
    return tracked or [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]


def links(document: Path) -> list[str]:
    """Where the document's links go, of those that stay in the repository."""
    return [found for found in LINK.findall(FENCED.sub("", document.read_text())) if not ELSEWHERE.match(found)]


def anchors(document: Path) -> set[str]:
    """Names of its headings as Markdown viewers make them: small letters, without punctuation, hyphens for blanks."""
    headings = re.findall(r"^#+ +(.*)$", FENCED.sub("", document.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_links_of_a_document_lead_somewhere(document: Path) -> None:
    broken = []
    for link in links(document):
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_a_broken_link_is_seen(tmp_path: Path) -> None:
    document = tmp_path / "page.md"
    document.write_text(
        "# One `noun`, a page\n[here](#one-noun-a-page) [there](gone.md#x) [out](https://example.org)\n"
    )
    assert links(document) == ["#one-noun-a-page", "gone.md#x"]
    assert anchors(document) == {"one-noun-a-page"}

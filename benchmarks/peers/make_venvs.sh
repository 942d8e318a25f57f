#!/bin/sh
# Makes the environments of the loaders that the benchmarks compare with: benchmarks/peers/make_venvs.sh FOLDER [NAME ...]
#
# One virtual environment each, about 7 GB in all, because no single one can hold them. PYTHON (default: python3) must be
# 3.11: MXNet and FFCV have nothing newer. Peers that can't be made are left out, and the benchmark says so. Needed from
# the system: for FFCV libopencv-dev, libturbojpeg0-dev, pkg-config and a C++ compiler; for SPDL FFmpeg's libraries,
# libavdevice's too (Debian: libavcodec59 libavfilter8 libavdevice59, or newer).
set -u

[ $# -ge 1 ] || { sed -n 's/^# \{0,1\}//; 2,7p' "$0"; exit 2; }
mkdir -p "$1" && cd "$1" || exit 1
shift
PYTHON=${PYTHON:-python3}
export PIP_DISABLE_PIP_VERSION_CHECK=1

# new NAME [PACKAGE ...]: an environment with these packages.
new() {
  environment=$1
  shift
  "$PYTHON" -m venv "$environment" && "$environment/bin/pip" install --quiet "$@"
}

# with_torch NAME [PACKAGE ...]: torch goes in first and alone, so that nothing else chooses its build.
with_torch() {
  new "$1" torch==2.13.0 || return
  environment=$1
  shift
  "$environment/bin/pip" install --quiet "$@"
}

make_environment() {
  case $1 in
    dali) with_torch dali numpy nvidia-dali-cuda120==2.4.0 ;;
    ffcv)
      with_torch ffcv "numpy<2.3" numba opencv-python-headless tqdm psutil pillow setuptools==69.5.1 wheel cffi &&
        ffcv/bin/pip install --quiet --no-build-isolation --no-deps ffcv==1.0.2
      ;;
    mxnet) new mxnet mxnet==1.9.1 "numpy<1.24" requests ;;
    spdl) with_torch spdl numpy pillow==13.0.0 spdl==0.8.0 ;;
    tensorflow) new tensorflow tensorflow-cpu==2.21 ;;
    torchvision)
      with_torch torchvision numpy pillow==13.0.0 && torchvision/bin/pip install --quiet --no-deps torchvision==0.28.0
      ;;
    turboloader) with_torch turboloader numpy turboloader==2.39.0 ;;
    *) echo "unknown: $1" >&2; return 1 ;;
  esac
}

[ $# -ge 1 ] || set -- dali ffcv mxnet spdl tensorflow torchvision turboloader
for name; do
  if make_environment "$name"; then echo "$name: made"; else echo "$name: FAILED" >&2; fi
done

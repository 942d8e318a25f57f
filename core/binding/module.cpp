// penstock._core: registers, and nothing else.
#include <jconfig.h>
#include <pybind11/pybind11.h>

#include "binding/register.h"

namespace py = pybind11;

#define PENSTOCK_TEXT(token) PENSTOCK_TEXT_OF_EXPANDED(token)
#define PENSTOCK_TEXT_OF_EXPANDED(token) #token

#ifdef PENSTOCK_DEBUG
constexpr bool kDebug = true;
#else
constexpr bool kDebug = false;
#endif

PYBIND11_MODULE(_core, module) {
  module.doc() = "Penstock's C++ core; _core.pyi describes it.";
  module.attr("__version__") = PENSTOCK_VERSION;
  module.attr("libjpeg_turbo_version") = PENSTOCK_TEXT(LIBJPEG_TURBO_VERSION);
  module.attr("debug") = kDebug;
  penstock::register_errors(module);
  penstock::register_random(module);
  penstock::register_program(module);
  penstock::register_engine(module);
  penstock::register_image(module);
  penstock::register_dct_decoder(module);
  penstock::register_batches(module);
  penstock::register_pack(module);
  penstock::register_dct_encoder(module);
  if (kDebug &&
      PyErr_WarnEx(PyExc_RuntimeWarning,
                   "penstock._core is a debug build: it is slow. Build again without PENSTOCK_DEBUG", 1) != 0) {
    throw py::error_already_set();
  }
}

// What each binding file adds to the module; module.cpp calls them all.
#pragma once

#include <pybind11/pybind11.h>

namespace penstock {

void register_errors(pybind11::module_& module);
void register_random(pybind11::module_& module);       // crc32c, philox, Permutation
void register_program(pybind11::module_& module);      // Program
void register_engine(pybind11::module_& module);       // Engine
void register_batches(pybind11::module_& module);      // BufferPool, gather_rows
void register_pack(pybind11::module_& module);         // read_table, find_bad_row ...
void register_image(pybind11::module_& module);        // probe_image, check_jpeg, decode_jpeg, simd levels
void register_dct_decoder(pybind11::module_& module);  // probe_dct, decode_dct
void register_dct_encoder(pybind11::module_& module);  // encode_dct, rebuild_jpeg

}  // namespace penstock

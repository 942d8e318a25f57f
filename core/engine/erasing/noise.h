// Standard normal noise that depends on a key alone (docs/design/2026-11-21-interfaces.md, "Random numbers").
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/random/philox.h"

namespace penstock {

// Writes red, green and blue of pixels `first` to `first + count - 1`, interleaved, to `out`. Box and Muller's method
// on 16 bits for the radius and 16 for the angle, by tables: equal in every bit wherever the tables are.
void normal_noise(const PhiloxKey& key, uint32_t first, size_t count, float* out);

}  // namespace penstock

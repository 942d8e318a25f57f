// CRC-32C with instructions that not every machine has.
#pragma once

#include <cstdint>

#include "engine/geometry.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define PENSTOCK_HAS_CRC32C_KERNELS 1

namespace penstock {

// The shift register of the checksum (its complement) after `data`.
//
// With SSE4.2's instruction for it, three independent stretches at a time, since each waits for the one before it;
// joined by tables (Gopal et al., "Fast CRC Computation for iSCSI Polynomial Using CRC32 Instruction", Intel 2011).
uint32_t crc32c_sse42(uint32_t state, Bytes data);

// By carry-less multiplication of 64 bytes at a time (Gopal et al., "Fast CRC Computation for Generic Polynomials Using
// PCLMULQDQ Instruction", Intel 2009), the rest as crc32c_sse42. Needs `has_vpclmulqdq`.
uint32_t crc32c_vpclmulqdq(uint32_t state, Bytes data);

// Whether this machine has what crc32c_vpclmulqdq needs beyond SimdLevel::kAvx512.
bool has_vpclmulqdq();

}  // namespace penstock

#endif

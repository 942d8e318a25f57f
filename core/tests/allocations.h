// Counts what the tests allocate with `new`.
#pragma once

namespace penstock::testing {

// Allocations since the program began, of all threads.
long allocations();

}  // namespace penstock::testing

#include "fuzz/input.h"

#include <cstdio>
#include <cstdlib>

namespace penstock::fuzzing {

void require(bool kept, const char* promise) {
  if (kept) return;
  std::fprintf(stderr, "broken promise: %s\n", promise);
  std::abort();
}

}  // namespace penstock::fuzzing

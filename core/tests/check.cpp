#include "tests/check.h"

#include <cstdio>
#include <vector>

namespace penstock::testing {
namespace {

struct Test {
  const char* name;
  void (*run)();
};

std::vector<Test>& tests() {
  static std::vector<Test> registered;
  return registered;
}

int failures = 0;

}  // namespace

Registration::Registration(const char* name, void (*run)()) { tests().push_back({name, run}); }

void report_failure(const char* file, int line, const std::string& what) {
  std::printf("%s:%d: failed: %s\n", file, line, what.c_str());
  ++failures;
}

int run_all() {
  for (const Test& test : tests()) {
    const int before = failures;
    test.run();
    std::printf("%s %s\n", failures == before ? "ok    " : "FAILED", test.name);
  }
  return failures;
}

}  // namespace penstock::testing

int main() { return penstock::testing::run_all() == 0 ? 0 : 1; }

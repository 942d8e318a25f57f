// The engine's tests need no framework: TEST defines and registers one, CHECK counts and reports what does not hold.
#pragma once

#include <string>

namespace penstock::testing {

struct Registration {
  Registration(const char* name, void (*run)());
};

void report_failure(const char* file, int line, const std::string& what);

// Runs every registered test; the number of failed checks.
int run_all();

}  // namespace penstock::testing

#define TEST(name)                                                             \
  static void name();                                                          \
  static const penstock::testing::Registration registered_##name(#name, name); \
  static void name()

#define CHECK(condition)                                                                 \
  do {                                                                                   \
    if (!(condition)) penstock::testing::report_failure(__FILE__, __LINE__, #condition); \
  } while (false)

#define CHECK_THROWS(expected_fault, statement)                                                   \
  do {                                                                                            \
    bool thrown = false;                                                                          \
    try {                                                                                         \
      statement;                                                                                  \
    } catch (const penstock::Error& error) {                                                      \
      thrown = error.fault() == (expected_fault);                                                 \
    }                                                                                             \
    if (!thrown) penstock::testing::report_failure(__FILE__, __LINE__, #statement " must throw"); \
  } while (false)

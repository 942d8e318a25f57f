// Which parts of an image are decoded at once.
#include "engine/reading_plan.h"

#include <vector>

#include "tests/check.h"
#include "tests/images.h"

namespace penstock::testing {
namespace {

constexpr int kWidth = 600, kHeight = 400;

Rect random_rect(Random& random) {
  const int width = between(random, 1, kWidth), height = between(random, 1, kHeight);
  return {between(random, 0, kWidth - width), between(random, 0, kHeight - height), width, height};
}

TEST(every_result_has_its_rectangle_in_one_part) {
  Random random(1);
  ReadingPlan plan;
  for (int round = 0; round < 500; ++round) {
    const bool at_once = round % 2 == 0;
    std::vector<Rect> needed;
    plan.begin(at_once);
    for (int i = between(random, 1, 12); i > 0; --i) {
      needed.push_back(random_rect(random));
      plan.add(needed.back());
    }
    plan.join(kWidth);
    if (at_once) CHECK(plan.count() == 1);
    std::vector<int> found(needed.size(), 0);
    for (size_t number = 0; number < plan.count(); ++number) {
      const ReadPart& part = plan.part(number);
      CHECK((intersection(part.rect, {0, 0, kWidth, kHeight}) == part.rect));
      for (const size_t member : part.members) {
        CHECK(intersection(part.rect, needed[member]) == needed[member]);
        ++found[member];
      }
    }
    CHECK(found == std::vector<int>(needed.size(), 1));
  }
}

TEST(parts_that_lie_far_apart_are_read_apart_and_others_at_once) {
  ReadingPlan plan;
  plan.begin(false);
  plan.add({0, 0, 20, 20});
  plan.add({500, 380, 20, 20});
  plan.add({10, 5, 30, 20});
  plan.join(kWidth);
  CHECK(plan.count() == 2);
  CHECK((plan.part(0).rect == Rect{0, 0, 40, 25}));
  CHECK((plan.part(0).members == std::vector<size_t>{0, 2}));
  CHECK((plan.part(1).rect == Rect{500, 380, 20, 20}));
}

// Rows are read from end to end, so what lies beside each other costs little more.
TEST(parts_in_the_same_rows_are_read_at_once) {
  ReadingPlan plan;
  plan.begin(false);
  plan.add({0, 100, 200, 100});
  plan.add({250, 100, 200, 100});
  plan.join(kWidth);
  CHECK(plan.count() == 1);
  CHECK((plan.part(0).rect == Rect{0, 100, 450, 100}));
}

}  // namespace
}  // namespace penstock::testing

#include "engine/stage.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "engine/colour/ops.h"
#include "engine/error.h"

namespace penstock {
namespace {

// Padding that makes one side at least as long as a crop, and where the crop begins then; as torchvision's center_crop.
int center_offset(int side, int crop) {
  if (crop > side) return -((crop - side) / 2);
  const int rest = side - crop;
  const int half = rest / 2;
  return rest % 2 != 0 ? half + half % 2 : half;  // Python's round: halves to the even neighbour
}

class Folder {
 public:
  Folder(Size size, Folded& folded) : stages_(folded.stages), steps_(folded.steps) {
    stages_.clear();
    steps_.clear();
    push(size, size);
  }

  Size size() const { return stages_.back().size(); }

  // `rect` may reach beyond the image.
  void crop(Rect rect) {
    if (rect == Rect{0, 0, size().width, size().height}) return;
    Stage& stage = to_move();
    const int from_left = stage.flip ? stage.window.width - rect.x - rect.width : rect.x;
    stage.window = {stage.window.x + from_left, stage.window.y + rect.y, rect.width, rect.height};
    stage.visible = intersection(stage.visible, stage.window);
  }

  // Mirroring first and resizing then is not the same in every bit as the other way round, nor are two resizes one.
  void resize(Size target) {
    if (target == size()) return;
    Stage& stage = to_move();
    if (stage.flip || stage.resizes() || stage.visible != stage.window) {
      push(size(), target);
      return;
    }
    const Rect crop{stage.crop.x + stage.window.x, stage.crop.y + stage.window.y, stage.window.width,
                    stage.window.height};
    stage = make_stage(crop, target);
  }

  void flip() {
    Stage& stage = to_move();
    stage.flip = !stage.flip;
  }

  void colour(const Op& op, const double* fields) {
    append_steps(op, fields, steps_);
    stages_.back().colours.last = steps_.size();
  }

 private:
  // Pixels whose colours were changed move in a stage of their own.
  Stage& to_move() {
    if (!stages_.back().colours.empty()) push(size(), size());
    return stages_.back();
  }

  Stage make_stage(Rect crop, Size target) const {
    const Rect whole{0, 0, target.width, target.height};
    return {crop, target, whole, whole, false, {steps_.size(), steps_.size()}};
  }

  void push(Size from, Size target) { stages_.push_back(make_stage({0, 0, from.width, from.height}, target)); }

  std::vector<Stage>& stages_;
  std::vector<ColourStep>& steps_;
};

Rect crop_of(const double* fields, Size size) {
  const double x = fields[0], y = fields[1], width = fields[2], height = fields[3];
  const bool whole =
      x == std::floor(x) && y == std::floor(y) && width == std::floor(width) && height == std::floor(height);
  const bool inside =
      x >= 0 && y >= 0 && width >= 1 && height >= 1 && x + width <= size.width && y + height <= size.height;
  if (whole && inside) {
    return {static_cast<int>(x), static_cast<int>(y), static_cast<int>(width), static_cast<int>(height)};
  }
  throw Error(Fault::kOption, "params: expected a crop of whole pixels inside the image of " +
                                  std::to_string(size.width) + "x" + std::to_string(size.height) + ", got x=" +
                                  std::to_string(x) + ", y=" + std::to_string(y) + ", width=" + std::to_string(width) +
                                  ", height=" + std::to_string(height) + "; draw them for this image's size");
}

}  // namespace

void fold(const Program& program, const double* row, Size size, Folded& folded) {
  Folder folder(size, folded);
  for (size_t position = 0; position < program.ops().size(); ++position) {
    const Size before = folder.size();
    const Size after = program.size_after(position, before);
    const double* const fields = row + std::max(0, program.column_of(position));
    const Op& op = program.ops()[position];
    if (is_colour(op.kind)) {
      folder.colour(op, fields);
      continue;
    }
    switch (op.kind) {
      case OpKind::kRandomResizedCrop:
        folder.crop(crop_of(fields, before));
        folder.resize(after);
        break;
      case OpKind::kResize:
      case OpKind::kResizeShort:
        folder.resize(after);
        break;
      case OpKind::kCenterCrop:
        folder.crop({center_offset(before.width, after.width), center_offset(before.height, after.height), after.width,
                     after.height});
        break;
      case OpKind::kRandomHorizontalFlip:
        if (fields[0] != 0) folder.flip();
        break;
      case OpKind::kToDtype:
      case OpKind::kNormalize:
      default:
        break;
    }
  }
}

}  // namespace penstock

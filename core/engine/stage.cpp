#include "engine/stage.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "engine/crops.h"
#include "engine/error.h"
#include "engine/op_sizes.h"
#include "engine/step_ops.h"

namespace penstock {
namespace {

class Folder {
 public:
  Folder(Size size, Folded& folded) : stages_(folded.stages), steps_(folded.steps) {
    stages_.clear();
    steps_.clear();
    push(size, size);
  }

  Size size() const { return stages_.back().size(); }

  // `rect` may reach beyond the image, where `padding` is.
  void crop(Rect rect, const Padding& padding = {}) {
    const Size image = size();
    if (rect == Rect{0, 0, image.width, image.height}) return;
    to_move();
    const bool pads = intersection(rect, {0, 0, image.width, image.height}) != rect;
    if (pads && !takes(padding)) push(image, image);
    Stage& stage = stages_.back();
    if (pads && padding.mode != PaddingMode::kConstant) stage = whole_of(stage);
    if (pads) stage.padding = padding;
    const int from_left = stage.flip_horizontal ? stage.window.width - rect.x - rect.width : rect.x;
    const int from_top = stage.flip_vertical ? stage.window.height - rect.y - rect.height : rect.y;
    stage.window = {stage.window.x + from_left, stage.window.y + from_top, rect.width, rect.height};
    stage.visible = stage.repeats() ? stage.window : intersection(stage.visible, stage.window);
  }

  // Mirroring first and resizing then is not the same in every bit as the other way round, nor are two resizes one.
  void resize(Size target, ResizeFilter filter) {
    if (target == size()) return;
    const Stage& stage = to_move();
    if (stage.flip_horizontal || stage.flip_vertical || !only_cuts(stage)) {
      push(size(), target);
    } else {
      stages_.back() = make_stage(cut_of(stage), target);
    }
    stages_.back().filter = filter;
  }

  void flip_horizontal() {
    Stage& stage = to_move();
    stage.flip_horizontal = !stage.flip_horizontal;
  }

  void flip_vertical() {
    Stage& stage = to_move();
    stage.flip_vertical = !stage.flip_vertical;
  }

  void change(const Op& op, const double* fields) {
    append_steps(op, fields, size(), steps_);
    stages_.back().steps.last = steps_.size();
  }

 private:
  // Pixels that steps have changed move in a stage of their own.
  Stage& to_move() {
    if (!stages_.back().steps.empty()) push(size(), size());
    return stages_.back();
  }

  Stage make_stage(Rect crop, Size target) const {
    const Rect whole{0, 0, target.width, target.height};
    return {crop, target, ResizeFilter::kBilinear, whole, whole, {}, false, false, {steps_.size(), steps_.size()}};
  }

  static bool only_cuts(const Stage& stage) {
    return !stage.resizes() && !stage.repeats() && stage.visible == stage.window;
  }

  // What a stage that only cuts shows, in the image that it takes.
  static Rect cut_of(const Stage& stage) {
    return {stage.crop.x + stage.window.x, stage.crop.y + stage.window.y, stage.window.width, stage.window.height};
  }

  // The same stage with nothing but its window in the crop: pixels are repeated from what can be seen.
  Stage whole_of(const Stage& stage) const {
    Stage whole = make_stage(cut_of(stage), stage.size());
    whole.flip_horizontal = stage.flip_horizontal;
    whole.flip_vertical = stage.flip_vertical;
    return whole;
  }

  // Whether the last stage can have this around its window.
  bool takes(const Padding& padding) const {
    const Stage& stage = stages_.back();
    if (padding.mode != PaddingMode::kConstant) return only_cuts(stage);
    return !stage.repeats() && (stage.visible == stage.window || stage.padding == padding);
  }

  void push(Size from, Size target) { stages_.push_back(make_stage({0, 0, from.width, from.height}, target)); }

  std::vector<Stage>& stages_;
  std::vector<Step>& steps_;
};

// A crop that lies inside the image with these margins.
Rect checked_crop(double x, double y, double width, double height, Size size, const Margins& margins) {
  const bool whole =
      x == std::floor(x) && y == std::floor(y) && width == std::floor(width) && height == std::floor(height);
  const bool inside = x >= -static_cast<double>(margins.left) && y >= -static_cast<double>(margins.top) && width >= 1 &&
                      height >= 1 && x + width <= static_cast<double>(size.width + margins.right) &&
                      y + height <= static_cast<double>(size.height + margins.bottom);
  if (whole && inside) {
    return {static_cast<int>(x), static_cast<int>(y), static_cast<int>(width), static_cast<int>(height)};
  }
  throw Error(Fault::kOption, "params: expected a crop of whole pixels inside the image of " +
                                  std::to_string(size.width) + "x" + std::to_string(size.height) +
                                  ", padding included, got x=" + std::to_string(x) + ", y=" + std::to_string(y) +
                                  ", width=" + std::to_string(width) + ", height=" + std::to_string(height) +
                                  "; draw them for this image's size");
}

}  // namespace

void fold(const Program& program, const double* row, Size size, const Part& part, Folded& folded) {
  Folder folder(size, folded);
  for (size_t position = part.first; position < part.last; position = program.next_run(position, row)) {
    const Size before = folder.size();
    const Size after = program.size_after(position, before);
    const double* const fields = row + std::max(0, program.column_of(position));
    const Op& op = program.ops()[position];
    if (makes_steps(op.kind)) {
      folder.change(op, fields);
      continue;
    }
    switch (op.kind) {
      case OpKind::kRandomResizedCrop:
        folder.crop(checked_crop(fields[0], fields[1], fields[2], fields[3], before, {}));
        folder.resize(after, resize_filter_of(op));
        break;
      case OpKind::kRandomCrop:
        folder.crop(checked_crop(fields[0], fields[1], after.width, after.height, before, margins_of(op, before)),
                    padding_of(op));
        break;
      case OpKind::kPad: {
        const Margins margins = margins_of(op, before);
        folder.crop({static_cast<int>(-margins.left), static_cast<int>(-margins.top), after.width, after.height},
                    padding_of(op));
        break;
      }
      case OpKind::kResize:
      case OpKind::kResizeShort:
        folder.resize(after, resize_filter_of(op));
        break;
      case OpKind::kCenterCrop:
        folder.crop({center_offset(before.width, after.width), center_offset(before.height, after.height), after.width,
                     after.height});
        break;
      case OpKind::kFiveCrop:
      case OpKind::kTenCrop: {
        check_crops_fit(op, before);  // draws need no sizes, so may have been made for others
        const Crop crop = crop_of(op, before, part.crop);
        if (crop.flip_horizontal) folder.flip_horizontal();
        if (crop.flip_vertical) folder.flip_vertical();
        folder.crop(crop.rect);
        break;
      }
      case OpKind::kRandomHorizontalFlip:
        if (fields[0] != 0) folder.flip_horizontal();
        break;
      case OpKind::kRandomVerticalFlip:
        if (fields[0] != 0) folder.flip_vertical();
        break;
      case OpKind::kLambda:
        throw Error(Fault::kSpec, "lambda: expected no function of Python's; run what is before and after it apart");
      case OpKind::kApply:
      case OpKind::kChoice:
      case OpKind::kBranch:
      case OpKind::kToDtype:
      case OpKind::kNormalize:
      default:
        break;
    }
  }
}

}  // namespace penstock

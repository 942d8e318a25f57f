#include "engine/op.h"

#include "engine/error.h"

namespace penstock {
namespace {

struct OpName {
  const char* name;
  OpKind kind;
};

constexpr OpName kNames[] = {
    {"random_resized_crop", OpKind::kRandomResizedCrop},
    {"resize", OpKind::kResize},
    {"resize_short", OpKind::kResizeShort},
    {"center_crop", OpKind::kCenterCrop},
    {"random_crop", OpKind::kRandomCrop},
    {"pad", OpKind::kPad},
    {"five_crop", OpKind::kFiveCrop},
    {"ten_crop", OpKind::kTenCrop},
    {"random_horizontal_flip", OpKind::kRandomHorizontalFlip},
    {"random_vertical_flip", OpKind::kRandomVerticalFlip},
    {"to_dtype", OpKind::kToDtype},
    {"normalize", OpKind::kNormalize},
    {"apply", OpKind::kApply},
    {"choice", OpKind::kChoice},
    {"branch", OpKind::kBranch},
    {"random_erasing", OpKind::kRandomErasing},
    {"cutout", OpKind::kCutout},
    {"mix_up", OpKind::kMixUp},
    {"cut_mix", OpKind::kCutMix},
    {"lambda", OpKind::kLambda},
    {"random_invert", OpKind::kRandomInvert},
    {"random_solarize", OpKind::kRandomSolarize},
    {"random_posterize", OpKind::kRandomPosterize},
    {"random_autocontrast", OpKind::kRandomAutocontrast},
    {"random_equalize", OpKind::kRandomEqualize},
    {"random_grayscale", OpKind::kRandomGrayscale},
    {"grayscale", OpKind::kGrayscale},
    {"color_jitter", OpKind::kColorJitter},
    {"random_adjust_sharpness", OpKind::kRandomAdjustSharpness},
    {"gaussian_blur", OpKind::kGaussianBlur},
    {"random_hsl", OpKind::kRandomHsl},
    {"pca_lighting", OpKind::kPcaLighting},
    {"random_rotation", OpKind::kRandomRotation},
    {"random_affine", OpKind::kRandomAffine},
    {"random_perspective", OpKind::kRandomPerspective},
    {"rand_augment", OpKind::kRandAugment},
    {"trivial_augment_wide", OpKind::kTrivialAugmentWide},
    {"auto_augment", OpKind::kAutoAugment},
};

}  // namespace

OpKind op_kind(const std::string& name) {
  std::string names;
  for (const OpName& known : kNames) {
    if (name == known.name) return known.kind;
    names += (names.empty() ? "" : ", ") + std::string(known.name);
  }
  throw Error(Fault::kSpec, "expected an op of " + names + ", got \"" + name + "\"");
}

std::string op_name(OpKind kind) {
  for (const OpName& known : kNames) {
    if (known.kind == kind) return known.name;
  }
  return "?";
}

}  // namespace penstock

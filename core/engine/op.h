// One op of a program, as the core takes it.
#pragma once

#include <array>
#include <string>

namespace penstock {

enum class OpKind {
  kRandomResizedCrop,
  kResize,
  kResizeShort,
  kCenterCrop,
  kRandomCrop,
  kPad,
  kFiveCrop,
  kTenCrop,
  kRandomHorizontalFlip,
  kRandomVerticalFlip,
  kToDtype,
  kNormalize,
  // Ops that hold ops (engine/groups.h).
  kApply,
  kChoice,
  kBranch,
  // A function of Python's: draws nothing and keeps the size; only what is before and after it can be run here.
  kLambda,
  // On finished results.
  kRandomErasing,
  kCutout,
  // On finished batches.
  kMixUp,
  kCutMix,
  // Colours, from here on.
  kRandomInvert,
  kRandomSolarize,
  kRandomPosterize,
  kRandomAutocontrast,
  kRandomEqualize,
  kRandomGrayscale,
  kGrayscale,
  kColorJitter,
  kRandomAdjustSharpness,
  kGaussianBlur,
  kRandomHsl,
  kPcaLighting,
  // Warps, from here on.
  kRandomRotation,
  kRandomAffine,
  kRandomPerspective,
  // Policies, from here on.
  kRandAugment,
  kTrivialAugmentWide,
  kAutoAugment,
};

enum class Dtype { kUint8 = 0, kFloat32 = 1, kFloat16 = 2 };

// Arguments in the order that `Program` of _core.pyi gives; unused ones are 0.
struct Op {
  OpKind kind;
  std::array<double, 24> args;
};

// "random_resized_crop" ...; Error(kSpec) for an unknown one.
OpKind op_kind(const std::string& name);

std::string op_name(OpKind kind);

}  // namespace penstock

#include "engine/policy/ops.h"

namespace penstock {

const std::vector<std::string>& policy_op_names() {
  static const std::vector<std::string> names = {
      "Identity", "ShearX",    "ShearY",    "TranslateX", "TranslateY",   "Rotate",   "Brightness", "Color",
      "Contrast", "Sharpness", "Posterize", "Solarize",   "AutoContrast", "Equalize", "Invert",
  };
  return names;
}

}  // namespace penstock

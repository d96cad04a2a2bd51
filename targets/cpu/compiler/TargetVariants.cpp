// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Variants and refusals in the words of the target interface.

#include "targets/cpu/compiler/TargetVariants.h"

#include "runtime/base/Korean.h"
#include "targets/cpu/compiler/CpuVariant.h"

#include "llvm/Support/raw_ostream.h"

#include <array>

using namespace mlir;

namespace dure::cpu {
namespace {

constexpr auto kTexts = std::to_array<Translation>({
#define DURE_TEXT(English, Korean) {English, Korean},
#include "targets/cpu/compiler/Messages.def"
});

TargetVariant describe(const CpuVariant &variant) {
  TargetVariant out;
  out.Name = variant.name;
  out.Driver = "cpu";
  out.Compatibility = variant.compatibility;
  StringRef list(variant.compatibility);
  SmallVector<StringRef> features;
  list.split(':').second.split(features, ',', -1, /*KeepEmpty=*/false);
  for (StringRef feature : features)
    out.Features.push_back(feature.str());
  out.Format = variant.isX86() ? "elf-x86_64" : "elf-aarch64";
  return out;
}

} // namespace

FailureOr<std::vector<TargetVariant>>
describeVariants(ArrayRef<std::string> names, std::string &error) {
  static const std::string native = "native";
  std::vector<TargetVariant> out;
  for (const std::string &request :
       names.empty() ? ArrayRef<std::string>(native) : names) {
    auto resolved = resolveCpuVariants(request);
    if (!resolved) {
      error = llvm::toString(resolved.takeError());
      return failure();
    }
    for (const CpuVariant &variant : *resolved)
      if (llvm::none_of(out, [&](const TargetVariant &known) {
            return known.Name == variant.name;
          }))
        out.push_back(describe(variant));
  }
  return out;
}

std::optional<Unsupported> refuseElement(Type element) {
  if (!element)
    return std::nullopt;
  std::string text;
  llvm::raw_string_ostream(text) << element;
  return Unsupported{"element-type",
                     "elements of type " + text + " have no storage here",
                     "store them as int8, uint8 or a float type"};
}

std::string inKorean(StringRef text) {
  return translate(kTexts, text).value_or("");
}

} // namespace dure::cpu

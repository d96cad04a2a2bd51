// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// JSON as text for people.
//
// Included by inspect. nlohmann-json, which throws, stays in JsonText.cpp.
#ifndef DURE_TOOLS_DURE_JSONTEXT_H
#define DURE_TOOLS_DURE_JSONTEXT_H

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dure {

/// One line a scalar, nested parts indented, lists of scalars on one line.
/// Text that is no JSON comes back unchanged.
/// Control characters within strings are made visible.
std::string renderJson(std::string_view Json);

/// "Left Relation Right" must hold for the sizes of an entry's inputs; the
/// sides are expressions over symbols, Relation is ==, !=, < or <=.
struct SizeRequirement {
  std::string Left, Relation, Right;
};

/// What the variant named `Variant` of a package needs of the inputs of entry
/// `Entry`; `Description` is what dure_package_describe gives.
std::vector<SizeRequirement> sizeRequirements(std::string_view Description,
                                              std::string_view Variant,
                                              std::string_view Entry);

/// A file of the model that a package refers to.
struct ReferencedFile {
  std::string Path;
  int64_t Bytes;
};
/// Those that weights are read from.
std::vector<ReferencedFile> referencedFiles(std::string_view Description);

/// The model's files that the compiler has read; `Report` is its JSON.
std::vector<std::string> compiledFiles(std::string_view Report);

} // namespace dure

#endif // DURE_TOOLS_DURE_JSONTEXT_H

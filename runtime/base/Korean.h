// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Texts in Korean, found by their English.
//
// Included by whatever talks to a person: the C API, the front end, the
// compiler, the tools. Depends on the C++ library only. What a runtime says
// comes in English from many places, among them packages and drivers that were
// built apart from it, and only the last one to hold a text knows who reads it.
// So a text is translated there, by catalogues of templates (.def files) that
// hold both languages side by side. A template has {0}, {1}, ... for values,
// and {0*}, ... for values that are texts of the catalogue, or of the
// runtime, themselves.
#ifndef DURE_RUNTIME_BASE_KOREAN_H
#define DURE_RUNTIME_BASE_KOREAN_H

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace dure {

struct Translation {
  std::string_view English;
  std::string_view Korean;
};

/// `Text` by the first entry of `Catalogue` whose English it reads like; empty
/// when there is none. Each value is the shortest that fits. A text of several
/// lines that no entry has as a whole is translated line by line.
std::optional<std::string> translate(std::span<const Translation> Catalogue,
                                     std::string_view Text);

/// What the runtime and the drivers of this tree say (Messages.def in base,
/// text and drivers).
std::span<const Translation> runtimeTexts();

/// A text of the runtime in Korean; what is not known, a vendor's words say,
/// stays as it is.
std::string inKorean(std::string_view Text);

} // namespace dure

#endif // DURE_RUNTIME_BASE_KOREAN_H

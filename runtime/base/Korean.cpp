// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Matching texts with templates, and the runtime's catalogue.

#include "runtime/base/Korean.h"

#include <algorithm>
#include <array>
#include <vector>

using namespace dure;

namespace {

// Texts hold names out of files, which may read like texts again and again.
constexpr unsigned MaxDepth = 16;

/// A "{N}" or "{N*}" of a template.
struct Hole {
  size_t Number;
  size_t Length;
  bool IsText;
};

std::optional<Hole> holeAt(std::string_view Template, size_t I) {
  if (Template[I] != '{' || I + 2 >= Template.size() || Template[I + 1] < '0' ||
      Template[I + 1] > '9')
    return std::nullopt;
  size_t Number = static_cast<size_t>(Template[I + 1] - '0');
  if (Template[I + 2] == '}')
    return Hole{Number, 3, false};
  if (Template.substr(I + 2, 2) == "*}")
    return Hole{Number, 4, true};
  return std::nullopt;
}

using Values = std::array<std::string_view, 10>;

/// What stands in the holes of `Template` when it reads `Text`.
std::optional<Values> match(std::string_view Template, std::string_view Text) {
  Values Found;
  size_t At = 0;
  for (size_t I = 0; I < Template.size();) {
    std::optional<Hole> Each = holeAt(Template, I);
    if (!Each) {
      if (At == Text.size() || Text[At++] != Template[I++])
        return std::nullopt;
      continue;
    }
    I += Each->Length;
    size_t Next = I;
    while (Next < Template.size() && !holeAt(Template, Next))
      ++Next;
    std::string_view Behind = Template.substr(I, Next - I);
    size_t End = Behind.empty()            ? Text.size()
                 : Next == Template.size() ? Text.rfind(Behind)
                                           : Text.find(Behind, At);
    if (End == Text.npos || End < At ||
        (Next == Template.size() && End + Behind.size() != Text.size()))
      return std::nullopt;
    Found[Each->Number] = Text.substr(At, End - At);
    At = End;
  }
  return At == Text.size() ? std::optional(Found) : std::nullopt;
}

std::optional<std::string> translateAt(std::span<const Translation> Catalogue,
                                       std::string_view Text, unsigned Depth);

std::string fill(std::span<const Translation> Catalogue,
                 std::string_view Template, const Values &Found,
                 unsigned Depth) {
  std::string Out;
  for (size_t I = 0; I < Template.size();) {
    std::optional<Hole> Each = holeAt(Template, I);
    if (!Each) {
      Out += Template[I++];
      continue;
    }
    I += Each->Length;
    std::string_view Value = Found[Each->Number];
    std::optional<std::string> Known;
    if (Each->IsText)
      Known = translateAt(Catalogue, Value, Depth + 1);
    if (Each->IsText && !Known && Catalogue.data() != runtimeTexts().data())
      Known = translateAt(runtimeTexts(), Value, Depth + 1);
    Out += Known ? *Known : std::string(Value);
  }
  return Out;
}

std::optional<std::string> translateAt(std::span<const Translation> Catalogue,
                                       std::string_view Text, unsigned Depth) {
  if (Depth == MaxDepth)
    return std::nullopt;
  size_t Break = Text.find('\n');
  for (const Translation &Each : Catalogue) {
    // A template of one line would take the lines after its own for a value.
    if (Break != Text.npos && Each.English.find('\n') == Each.English.npos)
      continue;
    if (std::optional<Values> Found = match(Each.English, Text))
      return fill(Catalogue, Each.Korean, *Found, Depth);
  }
  if (Break == Text.npos)
    return std::nullopt;
  std::string Out;
  for (size_t Begin = 0; Begin <= Text.size();) {
    size_t End = std::min(Text.find('\n', Begin), Text.size());
    std::string_view Line = Text.substr(Begin, End - Begin);
    Out += translateAt(Catalogue, Line, Depth + 1).value_or(std::string(Line));
    if (End != Text.size())
      Out += '\n';
    Begin = End + 1;
  }
  return Out;
}

constexpr auto RuntimeTexts = std::to_array<Translation>({
#define DURE_TEXT(English, Korean) {English, Korean},
#include "runtime/drivers/Messages.def"
#define DURE_TEXT(English, Korean) {English, Korean},
#include "runtime/text/Messages.def"
#define DURE_TEXT(English, Korean) {English, Korean},
#include "runtime/text/jinja/Messages.def"
#define DURE_TEXT(English, Korean) {English, Korean},
#include "runtime/base/Messages.def"
});

} // namespace

std::optional<std::string>
dure::translate(std::span<const Translation> Catalogue, std::string_view Text) {
  return translateAt(Catalogue, Text, 0);
}

std::span<const Translation> dure::runtimeTexts() { return RuntimeTexts; }

std::string dure::inKorean(std::string_view Text) {
  return translate(RuntimeTexts, Text).value_or(std::string(Text));
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Rendering of JSON.
#include "tools/dure/JsonText.h"

#include "tools/dure/Utf8.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace dure {
namespace {

// Keys stay in the writer's order.
using Json = nlohmann::ordered_json;

std::string scalarText(const Json &Value) {
  return Value.is_string()
             ? escapeControls(Value.get<std::string>(), /*KeepLines=*/false)
             : Value.dump();
}

// What a line holds at most, where there is a choice.
constexpr size_t LineLength = 100;

/// An array for one line: of scalars, and of texts only if they are short. Long
/// ones, such as the instructions of a program, take a line each.
bool isFlat(const Json &Value) {
  size_t TextLength = 0;
  for (const Json &Element : Value) {
    if (Element.is_structured())
      return false;
    if (Element.is_string())
      TextLength += Element.get_ref<const std::string &>().size() + 2;
  }
  return Value.is_array() && TextLength <= LineLength;
}

std::string flatText(const Json &Value) {
  std::string Text = "[";
  for (const Json &Element : Value)
    Text += (Text.size() > 1 ? ", " : "") + scalarText(Element);
  return Text + "]";
}

/// An object that fits one line: "{name: x, size: 3}".
std::string shortText(const Json &Value) {
  std::string Text;
  for (const auto &[Key, Member] : Value.items()) {
    if (Member.is_structured() && !isFlat(Member))
      return "";
    Text += (Text.empty() ? "" : ", ") + Key + ": " +
            (isFlat(Member) ? flatText(Member) : scalarText(Member));
  }
  return Text.size() <= LineLength ? Text : "";
}

void render(const Json &Value, const std::string &Indent, std::string &Out) {
  if (Value.is_object()) {
    for (const auto &[Key, Member] : Value.items()) {
      Out += Indent + Key + ":";
      if (!Member.is_structured() || isFlat(Member)) {
        Out += " " + (isFlat(Member) ? flatText(Member) : scalarText(Member)) +
               "\n";
        continue;
      }
      Out += "\n";
      render(Member, Indent + "  ", Out);
    }
    return;
  }
  for (const Json &Element : Value) {
    const std::string Short =
        Element.is_object() ? shortText(Element) : std::string();
    if (isFlat(Element) || !Element.is_structured()) {
      Out += Indent + "- " +
             (isFlat(Element) ? flatText(Element) : scalarText(Element)) + "\n";
    } else if (!Short.empty()) {
      Out += Indent + "- " + Short + "\n";
    } else {
      // The first member stands on the dash's line.
      std::string Inner;
      render(Element, Indent + "  ", Inner);
      Inner.replace(0, Indent.size() + 2, Indent + "- ");
      Out += Inner;
    }
  }
}

} // namespace

std::string renderJson(std::string_view Text) try {
  const Json Value = Json::parse(Text);
  if (!Value.is_structured())
    return scalarText(Value) + "\n";
  std::string Out;
  render(Value, "", Out);
  return Out;
} catch (const std::exception &) {
  return std::string(Text);
}

std::vector<SizeRequirement> sizeRequirements(std::string_view Description,
                                              std::string_view Variant,
                                              std::string_view Entry) try {
  std::vector<SizeRequirement> Out;
  const Json Package = Json::parse(Description);
  for (const Json &V : Package.at("variants"))
    for (const Json &Program : V.at("programs"))
      if (V.at("name") == Variant && Program.at("entry") == Entry)
        for (const Json &R : Program.at("size_requirements"))
          Out.push_back({R.at("left"), R.at("relation"), R.at("right")});
  return Out;
} catch (const std::exception &) {
  // They only help to choose sizes; the run checks them in any case.
  return {};
}

std::vector<ReferencedFile> referencedFiles(std::string_view Description) try {
  std::vector<ReferencedFile> Out;
  const Json Package = Json::parse(Description);
  for (const Json &File : Package.at("files")) {
    const auto reads = [&](const Json &Weight) {
      return Weight.contains("file") && Weight.at("file") == File.at("path");
    };
    const Json &Weights = Package.at("weights");
    if (std::any_of(Weights.begin(), Weights.end(), reads))
      Out.push_back({File.at("path"), File.at("bytes")});
  }
  return Out;
} catch (const std::exception &) {
  return {};
}

std::vector<std::string> compiledFiles(std::string_view Report) try {
  return Json::parse(Report).at("files");
} catch (const std::exception &) {
  return {};
}

} // namespace dure

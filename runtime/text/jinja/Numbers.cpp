// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Numbers from texts, and texts for HTML.
#include "runtime/text/jinja/Format.h"
#include "runtime/text/jinja/Unicode.h"

#include <charconv>
#include <cmath>

using namespace dure;
using namespace dure::jinja;

/// The digits without single underscores between them; none if one stands
/// elsewhere.
static std::optional<std::string> withoutUnderscores(std::string_view Text) {
  std::string Digits;
  for (size_t I = 0; I < Text.size(); ++I) {
    if (Text[I] != '_') {
      Digits += Text[I];
      continue;
    }
    auto IsPart = [&](size_t At) {
      return At < Text.size() && isAlnum(static_cast<unsigned char>(Text[At]));
    };
    if (I == 0 || !IsPart(I - 1) || !IsPart(I + 1))
      return std::nullopt;
  }
  return Digits;
}

std::optional<int64_t> jinja::parseInt(std::string_view Text, int Base) {
  Text = strip(Text, true, true);
  bool IsNegative = Text.starts_with('-');
  if (IsNegative || Text.starts_with('+'))
    Text.remove_prefix(1);
  char Mark = Text.size() > 2 && Text[0] == '0' ? char(Text[1] | 0x20) : '\0';
  int Marked = Mark == 'x' ? 16 : Mark == 'o' ? 8 : Mark == 'b' ? 2 : 0;
  if (Marked && (Base == 0 || Base == Marked)) {
    Base = Marked;
    Text.remove_prefix(2);
    if (Text.starts_with('_'))
      Text.remove_prefix(1);
  }
  if (Base == 0) {
    // Without a mark, a zero stands alone.
    if (Text.size() > 1 && Text[0] == '0' &&
        Text.find_first_not_of("0_") != Text.npos)
      return std::nullopt;
    Base = 10;
  }
  std::optional<std::string> Digits = withoutUnderscores(Text);
  if (!Digits || Digits->empty() || Digits->front() == '-')
    return std::nullopt;
  std::string Signed = (IsNegative ? "-" : "") + *Digits;
  int64_t Value = 0;
  const char *End = Signed.data() + Signed.size();
  auto Read = std::from_chars(Signed.data(), End, Value, Base);
  if (Read.ptr != End)
    return std::nullopt;
  if (Read.ec == std::errc::result_out_of_range)
    fail("the number is too large; ints have 64 bits");
  return Value;
}

std::optional<double> jinja::parseFloat(std::string_view Text) {
  Text = strip(Text, true, true);
  std::optional<std::string> Plain = withoutUnderscores(Text);
  if (!Plain || Plain->empty())
    return std::nullopt;
  std::string_view Digits = *Plain;
  bool IsNegative = Digits.starts_with('-');
  if (IsNegative || Digits.starts_with('+'))
    Digits.remove_prefix(1);
  // A second sign would be read, too.
  if (Digits.empty() || Digits[0] == '-')
    return std::nullopt;
  std::string Word = lower(Digits);
  double Value = 0;
  if (Word == "inf" || Word == "infinity") {
    Value = HUGE_VAL;
  } else if (Word == "nan") {
    Value = __builtin_nan("");
  } else {
    if (!isDigit(static_cast<unsigned char>(Digits[0])) && Digits[0] != '.')
      return std::nullopt;
    const char *End = Digits.data() + Digits.size();
    auto Read = std::from_chars(Digits.data(), End, Value);
    if (Read.ptr != End || Read.ec == std::errc::invalid_argument)
      return std::nullopt;
    // Too large or too small for a float: strtod says which.
    if (Read.ec == std::errc::result_out_of_range)
      Value = std::strtod(std::string(Digits).c_str(), nullptr);
  }
  return IsNegative ? -Value : Value;
}

std::string jinja::escapeHtml(std::string_view Text) {
  std::string Out;
  for (char C : Text) {
    switch (C) {
    case '&':
      Out += "&amp;";
      break;
    case '<':
      Out += "&lt;";
      break;
    case '>':
      Out += "&gt;";
      break;
    case '\'':
      Out += "&#39;";
      break;
    case '"':
      Out += "&#34;";
      break;
    default:
      Out += C;
    }
  }
  return Out;
}

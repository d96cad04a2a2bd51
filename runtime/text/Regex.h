// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Regular expressions of a tokenizer, over UTF-8.
//
// Included inside runtime/text only. A file's expressions are written for
// Oniguruma with Ruby's syntax; here they are translated (RegexSyntax.cpp) and
// run by PCRE2, compiled to machine code. The tables of PCRE2 in Debian 12 are
// Unicode 14's; classes that the two libraries see differently are spelled out.
#ifndef DURE_RUNTIME_TEXT_REGEX_H
#define DURE_RUNTIME_TEXT_REGEX_H

#include "runtime/base/Status.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace dure::text {

/// Oniguruma's PATTERN in PCRE2's syntax. Fails with the place of what has no
/// equivalent.
Result<std::string> translatePattern(std::string_view Pattern);

/// PATTERN as an expression that matches it alone.
std::string quotePattern(std::string_view Text);

/// A compiled expression. Cheap to copy; const functions may be called from
/// several threads.
class Regex {
public:
  /// Bytes of an expression.
  static constexpr size_t MaxPattern = 1 << 14;

  /// PATTERN is in Oniguruma's syntax.
  static Result<Regex> compile(std::string_view Pattern);

  /// The matches in a text, from left to right, none within another; an empty
  /// one is never where the one before it ended.
  class Matches {
  public:
    /// Borrows both; TEXT is valid UTF-8.
    Matches(const Regex &Source, std::string_view Text);
    ~Matches();
    Matches(const Matches &) = delete;
    Matches &operator=(const Matches &) = delete;

    /// Moves to the next match; false when there is none, or when status()
    /// says that looking for it took too long.
    bool next();
    size_t begin() const { return Begin; }
    size_t end() const { return End; }
    const Status &status() const { return Failure; }

  private:
    int search();
    void *contextOf(size_t Limit, size_t LastBegin);
    bool isTooLate();

    const Regex &Source;
    std::string_view Text;
    void *Data;          // pcre2_match_data
    void *Own = nullptr; // pcre2_match_context, for a long text
    size_t From = 0, Begin = 0, End = 0;
    double Begun = -1; // processor time at the first look
    unsigned Searches = 0;
    bool HadMatch = false;
    Status Failure;
  };

private:
  struct Code;
  explicit Regex(std::shared_ptr<const Code> Compiled)
      : Compiled(std::move(Compiled)) {}

  std::shared_ptr<const Code> Compiled;
};

} // namespace dure::text

#endif // DURE_RUNTIME_TEXT_REGEX_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// PCRE2 with its compiler, bounded in steps and memory.

#include "runtime/text/Regex.h"
#include "runtime/text/Unicode.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <new>

using namespace dure;
using namespace dure::text;

namespace {

// What one match may take: a second or so at worst, then the text is refused.
constexpr uint32_t MaxSteps = 5'000'000;
constexpr uint32_t MaxHeapKibibytes = 64 << 10;
constexpr size_t MaxStack = size_t(8) << 20;

template <auto Free> struct Deleter {
  template <typename T> void operator()(T *Object) const { Free(Object); }
};
using CodePointer = std::unique_ptr<pcre2_code, Deleter<pcre2_code_free>>;
using ContextPointer =
    std::unique_ptr<pcre2_match_context, Deleter<pcre2_match_context_free>>;
using StackPointer =
    std::unique_ptr<pcre2_jit_stack, Deleter<pcre2_jit_stack_free>>;

} // namespace

/// The stack that compiled expressions run on in this thread; null makes PCRE2
/// use a small one of its own.
static pcre2_jit_stack *stackOfThread(void *) {
  thread_local StackPointer Stack(
      pcre2_jit_stack_create(32 << 10, MaxStack, nullptr));
  return Stack.get();
}

struct Regex::Code {
  CodePointer Program;
  ContextPointer Limits;
};

Result<Regex> Regex::compile(std::string_view Pattern) {
  if (Pattern.size() > MaxPattern)
    return invalidArgument("a regular expression has more than " +
                           std::to_string(MaxPattern) + " bytes");
  Result<std::string> Translated = translatePattern(Pattern);
  if (!Translated)
    return Translated.status();
  int Error = 0;
  size_t Place = 0;
  auto New = std::make_shared<Code>();
  New->Program.reset(pcre2_compile(
      reinterpret_cast<PCRE2_SPTR>(Translated->data()), Translated->size(),
      PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C, &Error,
      &Place, nullptr));
  if (!New->Program) {
    if (Error == PCRE2_ERROR_NOMEMORY)
      return outOfMemory();
    char Words[256] = "";
    pcre2_get_error_message(Error, reinterpret_cast<PCRE2_UCHAR *>(Words),
                            sizeof(Words));
    return invalidArgument("the regular expression '" + std::string(Pattern) +
                           "' cannot be used: " + Words);
  }
  New->Limits.reset(pcre2_match_context_create(nullptr));
  if (!New->Limits)
    return outOfMemory();
  pcre2_set_match_limit(New->Limits.get(), MaxSteps);
  pcre2_set_heap_limit(New->Limits.get(), MaxHeapKibibytes);
  // Without its compiler PCRE2 interprets, with the same result.
  if (pcre2_jit_compile(New->Program.get(), PCRE2_JIT_COMPLETE) == 0)
    pcre2_jit_stack_assign(New->Limits.get(), stackOfThread, nullptr);
  return Regex(std::shared_ptr<const Code>(std::move(New)));
}

Regex::Matches::Matches(const Regex &Source, std::string_view Text)
    : Source(Source), Text(Text),
      Data(pcre2_match_data_create_from_pattern(Source.Compiled->Program.get(),
                                                nullptr)) {
  if (!Data)
    throw std::bad_alloc();
}

Regex::Matches::~Matches() {
  pcre2_match_data_free(static_cast<pcre2_match_data *>(Data));
}

bool Regex::Matches::next() {
  while (From <= Text.size()) {
    auto *Match = static_cast<pcre2_match_data *>(Data);
    int Found = pcre2_match(Source.Compiled->Program.get(),
                            reinterpret_cast<PCRE2_SPTR>(Text.data()),
                            Text.size(), From, PCRE2_NO_UTF_CHECK, Match,
                            Source.Compiled->Limits.get());
    if (Found == PCRE2_ERROR_NOMATCH)
      return false;
    if (Found < 0) {
      if (Found == PCRE2_ERROR_NOMEMORY)
        Failure = outOfMemory();
      else
        Failure = Status(StatusCode::ResourceExhausted,
                         "a regular expression of the tokenizer takes too "
                         "long on this text");
      return false;
    }
    const size_t *Place = pcre2_get_ovector_pointer(Match);
    // \K in a look-around can put the begin behind the end.
    size_t MatchBegin = std::min(Place[0], Place[1]), MatchEnd = Place[1];
    if (MatchBegin == MatchEnd && HadMatch && MatchEnd == End) {
      // Already the end of a match: try behind the next character.
      From = From < Text.size() ? From + lengthOfCharacter(Text[From])
                                : Text.size() + 1;
      continue;
    }
    Begin = MatchBegin;
    End = From = MatchEnd;
    HadMatch = true;
    return true;
  }
  return false;
}

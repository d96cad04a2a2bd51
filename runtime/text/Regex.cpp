// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// PCRE2 with its compiler, bounded in steps and memory.

#include "runtime/text/Regex.h"
#include "runtime/text/Unicode.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <iterator>
#include <new>
#include <time.h>

using namespace dure;
using namespace dure::text;

namespace {

// What a match may take in steps, as PCRE2 counts them. Almost all take the
// first limit; one that does not is tried again with the next, if there is
// time.
constexpr uint32_t StepLimits[] = {4'000, 60'000, 1'000'000, 16'000'000};
// The processor's time that all matches in a text may take, a hundred times
// what reasonable expressions do. Why not steps: compiled loops do not count
// all of theirs.
constexpr double SecondsOfText = 3, SecondsOfByte = 10e-6;
// The time is looked at once in so many searches.
constexpr unsigned SearchesOfLook = 64;
// In a longer text a search looks for a match that begins within so many bytes,
// and goes on with four times as many as long as that is fast. (PCRE2 skips
// what cannot begin a match, but forgets it from one search to the next.)
constexpr size_t LongText = 4096, FirstWidth = 16;
constexpr double FastSearch = 0.02;
constexpr uint32_t MaxHeapKibibytes = 64 << 10;
// Touched as far as it is needed: some 24 bytes for each character that a group
// repeats over.
constexpr size_t MaxStack = size_t(64) << 20;

template <auto Free> struct Deleter {
  template <typename T> void operator()(T *Object) const { Free(Object); }
};
using CodePointer = std::unique_ptr<pcre2_code, Deleter<pcre2_code_free>>;
using ContextPointer =
    std::unique_ptr<pcre2_match_context, Deleter<pcre2_match_context_free>>;
using StackPointer =
    std::unique_ptr<pcre2_jit_stack, Deleter<pcre2_jit_stack_free>>;

} // namespace

static double threadSeconds() {
  timespec Time;
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &Time);
  return static_cast<double>(Time.tv_sec) +
         1e-9 * static_cast<double>(Time.tv_nsec);
}

/// The stack that compiled expressions run on in this thread; null makes PCRE2
/// use a small one of its own.
static pcre2_jit_stack *stackOfThread(void *) {
  thread_local StackPointer Stack(
      pcre2_jit_stack_create(32 << 10, MaxStack, nullptr));
  return Stack.get();
}

struct Regex::Code {
  CodePointer Program;
  ContextPointer Limits[std::size(StepLimits)];
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
      PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C |
          PCRE2_USE_OFFSET_LIMIT,
      &Error, &Place, nullptr));
  if (!New->Program) {
    if (Error == PCRE2_ERROR_NOMEMORY)
      return outOfMemory();
    char Words[256] = "";
    pcre2_get_error_message(Error, reinterpret_cast<PCRE2_UCHAR *>(Words),
                            sizeof(Words));
    return invalidArgument("the regular expression '" + std::string(Pattern) +
                           "' cannot be used: " + Words);
  }
  // Without its compiler PCRE2 interprets, with the same result.
  bool IsFast = pcre2_jit_compile(New->Program.get(), PCRE2_JIT_COMPLETE) == 0;
  for (size_t I = 0; I != std::size(StepLimits); ++I) {
    pcre2_match_context *Context = pcre2_match_context_create(nullptr);
    if (!Context)
      return outOfMemory();
    New->Limits[I].reset(Context);
    pcre2_set_match_limit(Context, StepLimits[I]);
    pcre2_set_heap_limit(Context, MaxHeapKibibytes);
    if (IsFast)
      pcre2_jit_stack_assign(Context, stackOfThread, nullptr);
  }
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
  pcre2_match_context_free(static_cast<pcre2_match_context *>(Own));
}

bool Regex::Matches::isTooLate() {
  double Now = threadSeconds();
  if (Begun < 0)
    Begun = Now;
  return Now - Begun >
         SecondsOfText + SecondsOfByte * static_cast<double>(Text.size());
}

/// Looks for a match that begins at From or behind; PCRE2's result.
int Regex::Matches::search() {
  size_t Width = Text.size() > LongText ? FirstWidth : Text.size();
  double Last = 0;
  for (size_t I = 0;;) {
    bool IsCut = Text.size() - From > Width;
    auto *Context = static_cast<pcre2_match_context *>(
        contextOf(I, IsCut ? From + Width : From));
    if (!Context)
      return PCRE2_ERROR_NOMEMORY;
    int Found = pcre2_match(Source.Compiled->Program.get(),
                            reinterpret_cast<PCRE2_SPTR>(Text.data()),
                            Text.size(), From, PCRE2_NO_UTF_CHECK,
                            static_cast<pcre2_match_data *>(Data), Context);
    bool IsLimit = Found == PCRE2_ERROR_MATCHLIMIT;
    bool GoesOn = IsCut && Found == PCRE2_ERROR_NOMATCH;
    if ((IsLimit || GoesOn || ++Searches % SearchesOfLook == 0) && isTooLate())
      return PCRE2_ERROR_MATCHLIMIT;
    if (IsLimit && I + 1 != std::size(StepLimits)) {
      ++I;
    } else if (GoesOn) {
      From += Width;
      while (isContinuation(Text[From]))
        --From;
      double Now = threadSeconds();
      Width *= Now - Last < FastSearch ? 4 : 1;
      Last = Now;
    } else {
      return Found;
    }
  }
}

/// The limits of a search: the steps, and where a match must begin, if that is
/// not FROM itself.
void *Regex::Matches::contextOf(size_t Limit, size_t LastBegin) {
  pcre2_match_context *Shared = Source.Compiled->Limits[Limit].get();
  if (LastBegin == From && !Own)
    return Shared;
  if (!Own)
    Own = pcre2_match_context_copy(Shared);
  if (Own) {
    auto *Context = static_cast<pcre2_match_context *>(Own);
    pcre2_set_match_limit(Context, StepLimits[Limit]);
    pcre2_set_offset_limit(Context,
                           LastBegin == From ? PCRE2_UNSET : LastBegin);
  }
  return Own;
}

bool Regex::Matches::next() {
  while (From <= Text.size()) {
    auto *Match = static_cast<pcre2_match_data *>(Data);
    int Found = search();
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

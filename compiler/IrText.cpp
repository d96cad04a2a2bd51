// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Bounds on text before MLIR's parser sees it.

#include "compiler/IrText.h"

#include "runtime/io/SafeFile.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/ConvertUTF.h"

#include <algorithm>
#include <tuple>

using namespace dure;
using llvm::StringRef;

namespace {

constexpr uint64_t MaxBytes = uint64_t(1) << 30;
/// What people and passes write stays far below: modules, functions, loops and
/// attributes nest some dozen deep.
constexpr size_t MaxDepth = 500;
/// Operators in a row without a bracket or a comma: each is a level, too.
constexpr unsigned MaxOperators = 500;
/// Parts of an alias with all that it is made of.
constexpr uint64_t MaxExpansion = 1'000'000;

/// Reads tokens as far as brackets, operators and aliases go.
class Scanner {
public:
  explicit Scanner(StringRef Text) : Text(Text) {}

  /// The place and the reason of what is wrong; no reason when nothing is.
  std::pair<size_t, StringRef> run();

private:
  bool skipBlank();
  bool beginsOperation(size_t Newline) const;
  bool skipString();
  StringRef word();
  StringRef bracket(char C);
  StringRef countOperator(char C);
  StringRef takeAlias();

  char at(size_t I) const { return I < Text.size() ? Text[I] : '\0'; }

  StringRef Text;
  size_t Next = 0;
  llvm::SmallVector<char> Open;
  unsigned Operators = 0;
  /// What each alias holds, counted as if it were written out.
  llvm::StringMap<uint64_t> Weights;
  StringRef Defining;
  bool HasBegun = false; ///< Its value, that is.
};

} // namespace

bool Scanner::skipBlank() {
  if (at(Next) == '/' && at(Next + 1) == '/') {
    Next = std::min(Text.find('\n', Next), Text.size());
    return true;
  }
  if (!llvm::isSpace(at(Next)))
    return false;
  if (at(Next) == '\n' && Open.empty() && HasBegun && beginsOperation(Next))
    Defining = "";
  ++Next;
  return true;
}

/// True when the line behind goes on with something else than the value of an
/// alias.
bool Scanner::beginsOperation(size_t Newline) const {
  StringRef Rest = Text.substr(Newline).ltrim();
  if (Rest.empty() || StringRef("%\"^@}").contains(Rest.front()))
    return true;
  if (!llvm::isAlpha(Rest.front()))
    return false;
  StringRef Behind = Rest.drop_while(
      [](char C) { return llvm::isAlnum(C) || C == '_' || C == '.'; });
  return !Behind.ltrim().starts_with("<");
}

bool Scanner::skipString() {
  if (at(Next) != '"')
    return false;
  for (++Next; Next < Text.size() && at(Next) != '"'; ++Next)
    if (at(Next) == '\\')
      ++Next;
  Next = std::min(Next + 1, Text.size());
  return true;
}

StringRef Scanner::word() {
  size_t Begin = Next;
  while (llvm::isAlnum(at(Next)) || at(Next) == '_' || at(Next) == '.' ||
         at(Next) == '$')
    ++Next;
  return Text.slice(Begin, Next);
}

StringRef Scanner::bracket(char C) {
  Operators = 0;
  static constexpr StringRef Opening = "([{<", Closing = ")]}>";
  if (Opening.contains(C)) {
    Open.push_back(C);
    return Open.size() > MaxDepth ? "it nests too deeply" : "";
  }
  // A '<' may be a comparison: what closes a bracket closes those inside.
  char Wanted = Opening[Closing.find(C)];
  auto Found = std::find(Open.rbegin(), Open.rend(), Wanted);
  if (Found != Open.rend() && (C != '>' || Found == Open.rbegin()))
    Open.erase(std::prev(Found.base()), Open.end());
  return "";
}

StringRef Scanner::countOperator(char C) {
  if (C == ',' || C == '=' || C == ':')
    Operators = 0;
  if (C != '+' && C != '-' && C != '*')
    return "";
  return ++Operators > MaxOperators ? "too many operators follow each other"
                                    : "";
}

/// "#name" or "!name": defined at the top, used anywhere.
StringRef Scanner::takeAlias() {
  size_t Begin = Next++;
  StringRef Rest = word();
  if (Rest.empty())
    return "";
  StringRef Name = Text.slice(Begin, Next);
  StringRef Behind = Text.substr(Next).ltrim();
  if (Open.empty() && Behind.starts_with("=") && !Behind.starts_with("==")) {
    Defining = Name;
    HasBegun = false;
    Weights[Name] = 1;
    return "";
  }
  if (Defining.empty())
    return "";
  uint64_t &Sum = Weights[Defining];
  Sum += Weights.lookup(Name);
  return Sum > MaxExpansion ? "an alias is too large when it is written out"
                            : "";
}

std::pair<size_t, StringRef> Scanner::run() {
  while (Next < Text.size()) {
    if (skipBlank())
      continue;
    if (skipString()) {
      HasBegun = true;
      continue;
    }
    size_t Here = Next;
    char C = at(Here);
    StringRef Wrong;
    HasBegun |= C != '=';
    if (C == '#' || C == '!') {
      Wrong = takeAlias();
    } else if (llvm::isAlnum(C) || C == '_') {
      StringRef Word = word();
      if (Word == "floordiv" || Word == "ceildiv" || Word == "mod")
        Wrong = countOperator('*');
    } else if (C == '-' && at(Here + 1) == '>') {
      Next += 2;
    } else if (StringRef("([{<>}])").contains(C)) {
      ++Next;
      Wrong = bracket(C);
    } else {
      ++Next;
      Wrong = countOperator(C);
    }
    if (!Wrong.empty())
      return {Here, Wrong};
  }
  return {0, ""};
}

/// The first byte that a terminal or a reader would trip over.
static std::pair<size_t, StringRef> firstOddByte(StringRef Text) {
  auto IsOdd = [](char C) {
    auto Byte = static_cast<unsigned char>(C);
    return (Byte < 0x20 && C != '\n' && C != '\t' && C != '\r') || Byte == 0x7f;
  };
  const char *Odd = std::find_if(Text.begin(), Text.end(), IsOdd);
  if (Odd != Text.end())
    return {Odd - Text.begin(), "it holds a control character"};
  const auto *Byte = reinterpret_cast<const llvm::UTF8 *>(Text.bytes_begin());
  if (!llvm::isLegalUTF8String(
          &Byte, reinterpret_cast<const llvm::UTF8 *>(Text.bytes_end())))
    return {reinterpret_cast<const char *>(Byte) - Text.data(),
            "it is not valid UTF-8"};
  return {0, ""};
}

std::string dure::problemOfIrText(StringRef Path, StringRef Text) {
  auto [At, Why] = firstOddByte(Text);
  if (Why.empty())
    std::tie(At, Why) = Scanner(Text).run();
  if (Why.empty())
    return "";
  StringRef Before = Text.take_front(At);
  size_t Line = Before.count('\n') + 1;
  size_t Column = At - (Before.rfind('\n') + 1) + 1;
  return (Path + ":" + llvm::Twine(Line) + ":" + llvm::Twine(Column) +
          ": this text is not read: " + Why)
      .str();
}

llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>>
dure::readIrText(StringRef Path) {
  auto Fail = [](const std::string &Why) {
    return llvm::createStringError(llvm::inconvertibleErrorCode(),
                                   llvm::Twine(Why));
  };
  // A FIFO or a device would be read for ever.
  Result<MappedFile> File = MappedFile::open(Path.str());
  if (!File)
    return Fail(Path.str() + ": " + File.status().message());
  if (File->size() > MaxBytes)
    return Fail(Path.str() + ": it has " + std::to_string(File->size()) +
                " bytes, more than any text of IR");
  StringRef Text(reinterpret_cast<const char *>(File->data()), File->size());
  // Copied before it is looked at: the file may change meanwhile.
  std::unique_ptr<llvm::MemoryBuffer> Copy =
      llvm::MemoryBuffer::getMemBufferCopy(Text, Path);
  if (std::string Why = problemOfIrText(Path, Copy->getBuffer()); !Why.empty())
    return Fail(Why);
  return Copy;
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A value or the reason why there is none.
//
// Included by all of tools/io and its users. A Failure carries a message id and
// its arguments rather than a text, since the text depends on the user's
// language: one table, Errors.def, holds both. No exception passes this API.
#ifndef DURE_TOOLS_IO_RESULT_H
#define DURE_TOOLS_IO_RESULT_H

#include "tools/io/Language.h"

#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace dure::io {

enum class ErrorId {
#define DURE_IO_ERROR(Id, English, Korean) Id,
#include "tools/io/Errors.def"
#undef DURE_IO_ERROR
};

/// Why an operation has no value. Argument 0 is always the place: a file, or a
/// file and an entry in it.
struct Failure {
  ErrorId Id;
  std::vector<std::string> Arguments;
  /// An errno value, whose text in the reader's language is the last argument;
  /// 0: none.
  int SystemError = 0;

  /// The whole message, with what to do about it, without a final newline.
  std::string text(Language Lang = Language::English) const;
};

template <typename T> class [[nodiscard]] Result {
public:
  Result(T Value) : Content(std::in_place_index<0>, std::move(Value)) {}
  Result(Failure Why) : Content(std::in_place_index<1>, std::move(Why)) {}

  explicit operator bool() const { return Content.index() == 0; }
  /// The value; only when there is one.
  T &operator*() { return *std::get_if<0>(&Content); }
  const T &operator*() const { return *std::get_if<0>(&Content); }
  T *operator->() { return std::get_if<0>(&Content); }
  const T *operator->() const { return std::get_if<0>(&Content); }
  /// The reason; only when there is no value.
  const Failure &failure() const { return *std::get_if<1>(&Content); }

private:
  std::variant<T, Failure> Content;
};

/// What a function returns that only succeeds or fails.
using Status = Result<std::monostate>;
inline Status success() { return std::monostate{}; }

} // namespace dure::io

#endif // DURE_TOOLS_IO_RESULT_H

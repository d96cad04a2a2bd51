// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A template as tokens.
#ifndef DURE_RUNTIME_TEXT_JINJA_LEXER_H
#define DURE_RUNTIME_TEXT_JINJA_LEXER_H

#include "runtime/text/jinja/Failure.h"

#include <string_view>
#include <vector>

namespace dure::jinja {

struct Token {
  enum class Type : uint8_t {
    /// Text outside of tags.
    Data,
    BlockBegin,
    BlockEnd,
    VariableBegin,
    VariableEnd,
    Name,
    String,
    Integer,
    Float,
    Operator,
    End,
  };
  Type Is = Type::End;
  Position At;
  /// Of data and strings what they stand for, else what is written.
  std::string Text;
  int64_t Integer = 0;
  double Float = 0;

  bool isOperator(std::string_view What) const {
    return Is == Type::Operator && Text == What;
  }
  bool isName(std::string_view What) const {
    return Is == Type::Name && Text == What;
  }
};

/// All tokens, the last of type End. White space around tags is treated as with
/// trim_blocks and lstrip_blocks, which chat templates are written for. Throws
/// Failure.
std::vector<Token> tokenize(std::string_view Source);

} // namespace dure::jinja

#endif // DURE_RUNTIME_TEXT_JINJA_LEXER_H

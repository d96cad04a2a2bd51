// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The tokenizer of a GGUF file, as the files that Hugging Face's tools read.
//
// Included by what makes a checkpoint of a GGUF file and by tests. A GGUF file
// names a kind of tokenizer and lists its tokens; how text is cut into words is
// known by a name alone (GgufPreTokenizers.def), so an unknown name is refused:
// other words would give other tokens without a sign of it.
#ifndef DURE_FRONTENDS_CHECKPOINT_GGUFTOKENIZER_H
#define DURE_FRONTENDS_CHECKPOINT_GGUFTOKENIZER_H

#include "frontends/checkpoint/Gguf.h"

#include <map>
#include <string>
#include <string_view>

namespace dure::checkpoint {

/// Text files by name: tokenizer.json, tokenizer_config.json (with the chat
/// template) and generation_config.json (the tokens that end a text, and
/// defaults of sampling). Empty for a file without a vocabulary; what cannot be
/// made is refused.
std::map<std::string, std::string, std::less<>>
makeTokenizerFiles(const GgufFile &File, Refusals &Problems);

} // namespace dure::checkpoint

#endif // DURE_FRONTENDS_CHECKPOINT_GGUFTOKENIZER_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Strings to test tokenizers with, the same here and in corpus.py.
#ifndef DURE_TEST_TEXT_CORPUS_H
#define DURE_TEST_TEXT_CORPUS_H

#include <array>
#include <cstddef>
#include <string>
#include <vector>

namespace dure::test {

inline constexpr std::array<const char *, 6> CorpusKinds = {
    "korean", "mixed", "code", "space", "invalid", "special"};

class Corpus {
public:
  /// Reads fragments.txt; empty if it is not there.
  explicit Corpus(const std::string &Path);

  bool empty() const { return Fragments[0].empty(); }
  /// String INDEX of a kind, an index of CorpusKinds.
  std::string string(size_t Kind, size_t Index) const;

private:
  std::array<std::vector<std::string>, CorpusKinds.size()> Fragments;
};

/// The whole of a file; empty if it is not there.
std::string readFile(const std::string &Path);

} // namespace dure::test

#endif // DURE_TEST_TEXT_CORPUS_H

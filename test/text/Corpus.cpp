// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The strings of corpus.py, draw by draw.

#include "test/text/Corpus.h"

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <sstream>

using namespace dure::test;

namespace {

/// SplitMix64 (Steele, Lea, Flood 2014).
class Random {
public:
  explicit Random(uint64_t Seed) : State(Seed) {}
  size_t below(size_t Limit) {
    State += 0x9E3779B97F4A7C15;
    uint64_t Z = State;
    Z = (Z ^ Z >> 30) * 0xBF58476D1CE4E5B9;
    Z = (Z ^ Z >> 27) * 0x94D049BB133111EB;
    return (Z ^ Z >> 31) % Limit;
  }

private:
  uint64_t State;
};

} // namespace

std::string dure::test::readFile(const std::string &Path) {
  std::ifstream In(Path, std::ios::binary);
  std::ostringstream Out;
  Out << In.rdbuf();
  return Out.str();
}

Corpus::Corpus(const std::string &Path) {
  std::ifstream In(Path);
  for (std::string Line; std::getline(In, Line);) {
    size_t Space = Line.find(' ');
    auto Kind = std::find(CorpusKinds.begin(), CorpusKinds.end(),
                          Line.substr(0, Space));
    std::string Bytes;
    for (size_t I = Space + 1; I + 1 < Line.size(); I += 2)
      Bytes += static_cast<char>(std::stoi(Line.substr(I, 2), nullptr, 16));
    if (Kind != CorpusKinds.end())
      Fragments[static_cast<size_t>(Kind - CorpusKinds.begin())].push_back(
          std::move(Bytes));
  }
}

std::string Corpus::string(size_t Kind, size_t Index) const {
  constexpr size_t Mixed = 1;
  Random Draw(Kind * 1'000'003 + Index);
  std::string Text;
  for (size_t Count = 1 + Draw.below(12); Count != 0; --Count) {
    // One in eight is from elsewhere, so that kinds meet.
    const std::vector<std::string> &From =
        Fragments[Draw.below(8) == 0 ? Mixed : Kind];
    Text += From[Draw.below(From.size())];
    if (Draw.below(2) != 0)
      Text += ' ';
  }
  return Text;
}

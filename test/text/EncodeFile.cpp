// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Times encoding, for test/benchmark/encode.py.
//
//   dure-encode TOKENIZER_JSON SECONDS < TEXTS
//
// TEXTS are ended by a zero byte each. Encodes all of them again and again for
// so many seconds, and prints the fastest round in seconds, the number of ids
// and their checksum: the sum of each id times its place, of 64 bits.

#include "runtime/text/Tokenizer.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>

using namespace dure;

int main(int Count, char **Arguments) {
  if (Count != 3)
    return 2;
  std::ifstream File(Arguments[1], std::ios::binary);
  std::string Json((std::istreambuf_iterator<char>(File)), {});
  Result<Tokenizer> Source = Tokenizer::read(Json);
  if (!Source) {
    std::fprintf(stderr, "%s\n", Source.status().message().c_str());
    return 1;
  }
  std::vector<std::string> Texts;
  for (std::string Text; std::getline(std::cin, Text, '\0');)
    Texts.push_back(std::move(Text));

  using Clock = std::chrono::steady_clock;
  auto SecondsSince = [](Clock::time_point Begin) {
    return std::chrono::duration<double>(Clock::now() - Begin).count();
  };
  double Fastest = 1e9, Limit = std::atof(Arguments[2]);
  uint64_t Sum = 0, Ids = 0;
  Clock::time_point Start = Clock::now();
  do {
    Sum = Ids = 0;
    Clock::time_point Begin = Clock::now();
    for (const std::string &Text : Texts) {
      Result<std::vector<TokenId>> Found = Source->encode(Text);
      if (!Found) {
        std::fprintf(stderr, "%s\n", Found.status().message().c_str());
        return 1;
      }
      for (TokenId Id : *Found)
        Sum += ++Ids * Id;
    }
    Fastest = std::min(Fastest, SecondsSince(Begin));
  } while (SecondsSince(Start) < Limit);
  std::printf("%.9f %llu %llu\n", Fastest, static_cast<unsigned long long>(Ids),
              static_cast<unsigned long long>(Sum));
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A stable sort that stays in its bounds whatever the order is: that of values
// need not be one (NaN), and it may throw.
//
// Why not std::stable_sort: the library's uses a function that C++17
// deprecates.
#ifndef DURE_RUNTIME_TEXT_JINJA_SORT_H
#define DURE_RUNTIME_TEXT_JINJA_SORT_H

#include <algorithm>
#include <utility>
#include <vector>

namespace dure::jinja {

template <typename T, typename Less>
void stableSort(std::vector<T> &All, Less IsLess) {
  std::vector<T> Merged;
  for (size_t Run = 1; Run < All.size(); Run *= 2) {
    Merged.clear();
    Merged.reserve(All.size());
    for (size_t Begin = 0; Begin < All.size(); Begin += 2 * Run) {
      size_t Left = Begin, Middle = std::min(Begin + Run, All.size());
      size_t Right = Middle, End = std::min(Begin + 2 * Run, All.size());
      while (Left < Middle && Right < End) {
        bool IsRight = IsLess(All[Right], All[Left]);
        Merged.push_back(std::move(All[IsRight ? Right++ : Left++]));
      }
      while (Left < Middle)
        Merged.push_back(std::move(All[Left++]));
      while (Right < End)
        Merged.push_back(std::move(All[Right++]));
    }
    std::swap(All, Merged);
  }
}

} // namespace dure::jinja

#endif // DURE_RUNTIME_TEXT_JINJA_SORT_H

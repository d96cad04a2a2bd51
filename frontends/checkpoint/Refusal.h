// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Why a checkpoint is not accepted: a code, a place, and what to change.
//
// Shared by all readers of checkpoints and by the exporter. Codes are part of
// Dure's interface and never renamed; the texts, English and Korean, live in
// Refusals.def. An argument is a name, a number, or what runtime/io says.

#ifndef DURE_FRONTENDS_CHECKPOINT_REFUSAL_H
#define DURE_FRONTENDS_CHECKPOINT_REFUSAL_H

#include <string>
#include <string_view>
#include <vector>

namespace dure::checkpoint {

enum class RefusalCode {
#define DURE_REFUSAL(ID, CODE, REASON, REASON_KO, REMEDY, REMEDY_KO) ID,
#include "frontends/checkpoint/Refusals.def"
};

struct Refusal {
  RefusalCode Code;
  /// A file, or a file and what in it.
  std::string Place;
  /// Values for the {0}, {1}, ... of the texts.
  std::vector<std::string> Arguments;
};

/// Everything that stands in the way, in the order in which it was met. Full
/// lists say no more: a hostile file has as many faults as it likes.
class Refusals {
public:
  static constexpr size_t Limit = 100;

  void add(RefusalCode Code, std::string Place,
           std::vector<std::string> Arguments = {}) {
    if (List.size() < Limit)
      List.push_back({Code, std::move(Place), std::move(Arguments)});
  }
  bool empty() const { return List.empty(); }
  const std::vector<Refusal> &list() const { return List; }

private:
  std::vector<Refusal> List;
};

enum class Language { English, Korean };

/// The stable code: "config-key".
std::string_view codeName(RefusalCode Code);

/// What is wrong, and what the user can change; one sentence each, or a few.
std::string reasonOf(const Refusal &R, Language L = Language::English);
std::string remedyOf(const Refusal &R, Language L = Language::English);

/// Place, reason, code and remedy as one line for a terminal.
std::string toString(const Refusal &R, Language L = Language::English);

} // namespace dure::checkpoint

#endif // DURE_FRONTENDS_CHECKPOINT_REFUSAL_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a chip is, as far as it is public: a file of figures, each with its
// source.
//
// Included by compiler targets, cost models, simulators and tests. Depends on
// runtime/base only; nlohmann-json, which throws, stays in Machine.cpp. The
// file's form is targets/machine.schema.json; targets/<name>/machine holds the
// files. Immutable once read: use from any thread.
#ifndef DURE_TARGETS_MACHINE_H
#define DURE_TARGETS_MACHINE_H

#include "runtime/base/Status.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dure {

/// How well a figure is known.
enum class Grade { Vendor, Log, ThirdParty, Secondary, Derived };

/// One figure. Either a number, a word, or a list of either kind; all are empty
/// for a figure that is not public.
struct Figure {
  std::optional<double> Number;
  std::string Word;
  std::vector<double> Numbers;
  std::vector<std::string> Words;
  std::string Unit;
  std::optional<Grade> HowKnown;
  /// A key of Machine::Sources, and the place in it.
  std::string Source, Place;
  std::string Note;

  bool isKnown() const { return HowKnown.has_value(); }
};

struct MachineSource {
  std::string Title, Version, License;
};

class Machine {
public:
  std::string Name, Vendor, Description;
  std::map<std::string, MachineSource, std::less<>> Sources;

  /// The file's text; `Origin` names it in messages. Refuses what the schema
  /// does: a missing or unknown field, a value without a source, a source that
  /// is not listed.
  static Result<Machine> parse(std::string_view Text, std::string_view Origin);

  /// By "section.name"; null when the file has no such figure.
  const Figure *find(std::string_view Key) const;
  /// All figures by "section.name", in order.
  const std::map<std::string, Figure, std::less<>> &figures() const {
    return Figures;
  }

  /// The number of a figure; fails when the file lacks it, when it is not
  /// public, or not one number. `count` demands a whole number of 0 to 2^53.
  Result<double> number(std::string_view Key) const;
  Result<int64_t> count(std::string_view Key) const;

private:
  std::map<std::string, Figure, std::less<>> Figures;
};

} // namespace dure

#endif // DURE_TARGETS_MACHINE_H

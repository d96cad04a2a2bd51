// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A model's configuration, read key by key.
//
// Included by families. What a family asks for is remembered: a key that nobody
// asked for and that is not known to leave the numbers alone would be ignored
// silently, and the model be another one. finish() refuses all such keys at
// once.

#ifndef DURE_FRONTENDS_CHECKPOINT_CONFIG_H
#define DURE_FRONTENDS_CHECKPOINT_CONFIG_H

#include "frontends/checkpoint/Json.h"

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace dure::checkpoint {

class Config {
public:
  /// `Object` must outlive this. `Place` is for messages.
  Config(const Json &Object, std::string Place, Refusals &Problems)
      : Object(Object), Place(std::move(Place)), Problems(Problems) {}

  /// The value of a key; null when it is absent or null itself.
  const Json *get(std::string_view Key);
  bool has(std::string_view Key) const;

  /// A number of things, from 1 to 2^31 - 1. Without a default, a missing key
  /// is refused; 1 comes back then.
  int64_t count(std::string_view Key, std::optional<int64_t> Default = {});
  /// By the first of these names that is there.
  int64_t count(std::initializer_list<std::string_view> Keys);
  /// The same from 0.
  int64_t countOrZero(std::string_view Key, int64_t Default);
  double number(std::string_view Key, std::optional<double> Default = {});
  bool flag(std::string_view Key, bool Default);
  std::string text(std::string_view Key, std::string_view Default);
  /// A list of texts, one a layer; empty when absent.
  std::vector<std::string> texts(std::string_view Key);
  /// A list of numbers; empty when absent.
  std::vector<double> numbers(std::string_view Key);

  /// Refuses any other value of a key than `Value`, absence aside: the family
  /// is not known with it.
  void expect(std::string_view Key, bool Value);
  void expect(std::string_view Key, std::string_view Value);
  /// A literal would be taken for a bool.
  void expect(std::string_view Key, const char *Value) {
    expect(Key, std::string_view(Value));
  }

  /// Refuses a value that the family cannot have.
  void refuseValue(std::string_view Key);
  /// The key is read by nothing, and need not be: training, say, or another
  /// part of the model.
  void ignore(std::initializer_list<std::string_view> Keys);

  const std::string &place() const { return Place; }
  Refusals &problems() { return Problems; }

  /// Refuses the keys that nobody asked for.
  void finish();

private:
  const Json *wrongKind(std::string_view Key, const char *Kind);

  const Json &Object;
  std::string Place;
  Refusals &Problems;
  std::set<std::string, std::less<>> Read;
};

/// Keys of every family that say nothing of what the model computes.
bool isHarmlessKey(std::string_view Key);

} // namespace dure::checkpoint

#endif // DURE_FRONTENDS_CHECKPOINT_CONFIG_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Jinja templates as models bring them: parsed once, rendered many times.
//
// The language is that of jinja2 3.1 as transformers configures it: a sandbox
// without changes to values, trim_blocks and lstrip_blocks, break and continue,
// {% generation %}, and transformers' tojson, raise_exception and strftime_now.
// Ints have 64 bits, and a template is one file: what needs others is refused.
//
// Included by ChatTemplate and by tests. Depends on runtime/base and on the
// forward declarations of nlohmann-json. No exception but out of memory leaves.
#ifndef DURE_RUNTIME_TEXT_JINJA_TEMPLATE_H
#define DURE_RUNTIME_TEXT_JINJA_TEMPLATE_H

#include "runtime/base/Status.h"
#include "runtime/text/jinja/Limits.h"

#include <ctime>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string_view>

namespace dure::jinja {

struct Tree;

/// Immutable; several threads may render one at a time each.
class Template {
public:
  /// Fails with InvalidArgument for what is no template, with its line and
  /// column.
  static Result<Template> parse(std::string_view Source);

  /// `Variables` is an object. Fails with InvalidArgument where the template
  /// has no meaning for them or refuses them, with ResourceExhausted at a
  /// limit. `Now`, if given, is the time that the template sees.
  Result<std::string> render(const nlohmann::ordered_json &Variables,
                             const RenderLimits &Limits = {},
                             std::optional<std::tm> Now = std::nullopt) const;

private:
  explicit Template(std::shared_ptr<const Tree> Root) : Root(std::move(Root)) {}

  std::shared_ptr<const Tree> Root;
};

} // namespace dure::jinja

#endif // DURE_RUNTIME_TEXT_JINJA_TEMPLATE_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Where failures of a template become statuses.
#include "runtime/text/jinja/Template.h"

#include "runtime/text/jinja/Interpreter.h"
#include "runtime/text/jinja/Json.h"

#include <nlohmann/json.hpp>

using namespace dure;
using namespace dure::jinja;

static Status statusOf(const Failure &F, Position Where) {
  Where = F.Where.value_or(Where);
  return Status(
      F.IsLimit ? StatusCode::ResourceExhausted : StatusCode::InvalidArgument,
      "chat template, line " + std::to_string(Where.Line) + ", column " +
          std::to_string(Where.Column) + ": " + F.Reason);
}

Result<Template> Template::parse(std::string_view Source) {
  try {
    return Template(std::make_shared<const Tree>(jinja::parse(Source)));
  } catch (const Failure &F) {
    return statusOf(F, {});
  }
}

Result<std::string> Template::render(const nlohmann::ordered_json &Variables,
                                     const RenderLimits &Limits,
                                     std::optional<std::tm> Now) const {
  Interpreter In(Limits, Now);
  try {
    if (!Variables.is_object())
      fail("the variables of a template are an object");
    std::unordered_map<std::string, Value> Given;
    for (const auto &[Name, Each] : Variables.items())
      Given.emplace(Name, fromJson(In.Make, Each));
    In.setVariables(std::move(Given));
    return In.render(*Root);
  } catch (const Failure &F) {
    return statusOf(F, In.Where);
  }
}

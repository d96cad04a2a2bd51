// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Fuzzes chat templates: no template may crash the renderer, hang it, or make
// it hold more than it may, and what it renders must be UTF-8.
#include "runtime/base/Korean.h"
#include "runtime/text/jinja/Template.h"
#include "runtime/text/jinja/Unicode.h"

#include <cstdlib>
#include <nlohmann/json.hpp>

using namespace dure;

static const nlohmann::ordered_json &variables() {
  static const auto Made = nlohmann::ordered_json::parse(R"({
    "messages": [{"role": "system", "content": "be <b>kind</b>"},
                 {"role": "user", "content": "한글 👍 it's"},
                 {"role": "assistant", "content": null, "tool_calls": [
                   {"id": "1", "function": {"name": "f",
                     "arguments": {"x": 1.5, "y": [true, null, -3]}}}]}],
    "tools": [{"type": "function", "function": {"name": "f",
      "parameters": {"type": "object", "properties": {}}}}],
    "add_generation_prompt": true, "bos_token": "<s>", "n": 3, "x": "abc",
    "items": [3, 1, 2], "d": {"k": "v"}})");
  return Made;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *Data, size_t Size) {
  std::string_view Source(reinterpret_cast<const char *>(Data), Size);
  Result<jinja::Template> Parsed = jinja::Template::parse(Source);
  if (!Parsed) {
    inKorean(Parsed.status().message());
    return 0;
  }
  RenderLimits Limits;
  Limits.Steps = 1'000'000;
  Limits.Bytes = 32 << 20;
  Limits.Output = 1 << 20;
  std::tm Now{};
  Now.tm_year = 125;
  Result<std::string> Text = Parsed->render(variables(), Limits, Now);
  if (!Text)
    inKorean(Text.status().message());
  else if (Text->size() > Limits.Output || !jinja::isUtf8(*Text))
    std::abort();
  return 0;
}

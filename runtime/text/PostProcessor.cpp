// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Works out what post-processors make of one text. The reference hands a list
// of encodings from one to the next; so does this, with NoToken for the text.

#include "runtime/text/PostProcessor.h"

#include <algorithm>

using namespace dure;
using namespace dure::text;

namespace {

using Encodings = std::vector<std::vector<TokenId>>;

// More would make a text grow beyond measure.
constexpr size_t MaxPieces = 1024;

class Reader {
public:
  Reader(bool AddsSpecial, Refusals &Problems)
      : AddsSpecial(AddsSpecial), Problems(Problems) {}

  void apply(const JsonValue &Value, const std::string &Place, Encodings &All) {
    Component Part(Value, Place, Problems);
    const std::string &Type = Part.type();
    if (Type == "ByteLevel") {
      // About places in the text only.
      Part.ignore({"add_prefix_space", "trim_offsets", "use_regex"});
    } else if (Type == "BertProcessing" || Type == "RobertaProcessing") {
      Part.ignore({"trim_offsets", "add_prefix_space"});
      bert(Part, All);
    } else if (Type == "TemplateProcessing") {
      templateOf(Part, All);
    } else if (Type == "Sequence") {
      size_t Index = 0;
      for (const JsonValue *Item : Part.list("processors"))
        apply(*Item, Part.placeOf("processors", Index++), All);
    } else {
      Part.refuseType();
    }
  }

private:
  void bert(Component &Part, Encodings &All) {
    auto IdOf = [&](std::string_view Name) {
      const JsonValue *Pair = Part.get(Name);
      if (Pair && Pair->Items.size() == 2 &&
          Pair->Items[1].is(JsonValue::Kind::Integer) &&
          Pair->Items[1].Integer >= 0 && Pair->Items[1].Integer < NoToken)
        return static_cast<TokenId>(Pair->Items[1].Integer);
      Part.refuse("the field '" + std::string(Name) +
                  "' is no pair of a token and its id");
      return TokenId(0);
    };
    TokenId Separate = IdOf("sep"), Classify = IdOf("cls");
    if (!AddsSpecial)
      return;
    for (size_t I = 0; I != All.size(); ++I) {
      if (I == 0)
        All[I].insert(All[I].begin(), Classify);
      All[I].push_back(Separate);
    }
  }

  /// The ids of a special token of a template.
  bool idsOf(Component &Part, const JsonValue *Specials, const std::string &Id,
             std::vector<TokenId> &Ids) {
    const JsonValue *Special = Specials ? Specials->field(Id) : nullptr;
    const JsonValue *List = Special ? Special->field("ids") : nullptr;
    if (!List || !List->is(JsonValue::Kind::Array)) {
      Part.refuse("the template names '" + Id +
                  "', which 'special_tokens' does not describe");
      return false;
    }
    for (const JsonValue &Each : List->Items) {
      if (!Each.is(JsonValue::Kind::Integer) || Each.Integer < 0 ||
          Each.Integer >= NoToken) {
        Part.refuse("an id of '" + Id + "' is no id");
        return false;
      }
      Ids.push_back(static_cast<TokenId>(Each.Integer));
    }
    return true;
  }

  void templateOf(Component &Part, Encodings &All) {
    const JsonValue *Specials = Part.get("special_tokens");
    const JsonValue *Pair = Part.get("pair"), *Single = Part.get("single");
    const JsonValue *Template = All.size() == 2 ? Pair : Single;
    if (All.size() > 2 || !Template || !Template->is(JsonValue::Kind::Array)) {
      Part.refuse("it has no template for what stands before it");
      return;
    }
    if (Template->Items.size() > MaxPieces) {
      Part.refuse("the template has more than " + std::to_string(MaxPieces) +
                  " pieces");
      return;
    }
    Encodings New;
    for (const JsonValue &Piece : Template->Items) {
      const JsonValue *Sequence = Piece.field("Sequence");
      const JsonValue *Special = Piece.field("SpecialToken");
      const JsonValue *Id = Sequence  ? Sequence->field("id")
                            : Special ? Special->field("id")
                                      : nullptr;
      if (!Id || !Id->is(JsonValue::Kind::String)) {
        Part.refuse("a piece of the template is neither a Sequence nor a "
                    "SpecialToken");
        return;
      }
      if (Sequence) {
        size_t Which = Id->String == "A" ? 0 : 1;
        if (Which >= All.size()) {
          Part.refuse("the template for one text asks for a second");
          return;
        }
        New.push_back(All[Which]);
        continue;
      }
      std::vector<TokenId> Ids;
      if (!idsOf(Part, Specials, Id->String, Ids))
        return;
      if (AddsSpecial)
        New.push_back(std::move(Ids));
    }
    size_t Length = 0;
    for (const std::vector<TokenId> &Each : New)
      Length += Each.size();
    if (Length > MaxPieces)
      Part.refuse("the template has more than " + std::to_string(MaxPieces) +
                  " pieces");
    else
      All = std::move(New);
  }

  bool AddsSpecial;
  Refusals &Problems;
};

} // namespace

Frame text::readPostProcessor(const JsonValue &Value, Refusals &Problems) {
  Frame Result;
  if (Value.isNull())
    return Result;
  for (bool AddsSpecial : {true, false}) {
    Encodings All{{NoToken}};
    // What is wrong is the same for both.
    Refusals Again;
    Reader(AddsSpecial, AddsSpecial ? Problems : Again)
        .apply(Value, "post_processor", All);
    std::vector<TokenId> &To =
        AddsSpecial ? Result.WithSpecial : Result.WithoutSpecial;
    To.clear();
    for (const std::vector<TokenId> &Each : All)
      To.insert(To.end(), Each.begin(), Each.end());
  }
  return Result;
}

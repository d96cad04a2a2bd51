// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Prints the schedule of small programs by the profile `tcc`, for the
// comparison with the vendor's compiler (compare_tcc.py).
//
//   dure-rngd-cycles MACHINE.json < programs
//
// A line an instruction: `load NAME BYTES`, `vector NAME BYTES READS...` or
// `store NAME BYTES`, BYTES being what its rule counts and NAME what it makes
// (a store: reads). `contraction NAME READS... : FIGURES` has the figures of a
// TccContraction in their order. `pes N` begins a program; each instruction is
// answered by `NAME BEGIN END`, each program by an empty line.
#include "targets/rngd/timing/TccSchedule.h"
#include "targets/rngd/timing/TccTiming.h"

#include <fstream>
#include <iostream>
#include <map>
#include <sstream>

using namespace dure;
using namespace dure::rngd;

namespace {

struct Program {
  int64_t Pes = 0;
  std::vector<std::string> Names;
  std::vector<TccInstruction> Instructions;
  std::map<std::string, size_t> Makers;

  void print() const {
    std::vector<Lifetime> Lives = schedule(Instructions);
    for (size_t I = 0; I < Lives.size(); ++I)
      std::cout << Names[I] << " " << Lives[I].Begin << " " << Lives[I].End
                << "\n";
    std::cout << "\n";
  }
};

Result<int64_t> contraction(const std::string &Line, const TccTiming &Timing,
                            int64_t Pes) {
  std::istringstream Figures(Line.substr(Line.find(':') + 1));
  TccContraction M;
  for (int64_t *To :
       {&M.Segment, &M.OuterAcc, &M.Acc, &M.FeedReuse, &M.Split, &M.MacRows,
        &M.DpeRegTile, &M.Lat, &M.Gat, &M.ElementBytes, &M.StreamRing,
        &M.StreamFlits, &M.TrfRing, &M.TrfFlits, &M.TrfBytes, &M.StreamPiece,
        &M.ResultElements})
    if (!(Figures >> *To))
      return Status(StatusCode::InvalidArgument, "too few figures: " + Line);
  int Across = 0;
  if (!(Figures >> M.RowsGathered >> M.ByRow >> M.Summed >> Across >>
        M.Uneven >> M.Masked) ||
      Across < 0 || Across > 2)
    return Status(StatusCode::InvalidArgument, "too few figures: " + Line);
  M.Across = TccContraction::Sum(Across);
  return Timing.contraction(M, Pes);
}

/// Empty when the line was understood.
std::string take(const std::string &Line, const TccTiming &Timing,
                 Program &Into) {
  std::istringstream Words(Line.substr(0, Line.find(':')));
  std::string Kind, Name, Read;
  int64_t Bytes = 0;
  bool IsContraction = Line.starts_with("contraction ");
  if (!(Words >> Kind >> Name) || !(IsContraction || Words >> Bytes) ||
      Into.Pes == 0)
    return "cannot read '" + Line + "'";
  bool IsVector = Kind == "vector" || IsContraction;
  if (!IsVector && Kind != "load" && Kind != "store")
    return "no instruction is called '" + Kind + "'";
  Result<int64_t> Cycles = IsContraction ? contraction(Line, Timing, Into.Pes)
                           : IsVector    ? Timing.vector(Bytes, Into.Pes)
                                         : Timing.dma(Bytes, Into.Pes);
  if (!Cycles)
    return Cycles.status().message();
  TccInstruction Made{
      IsVector ? TccContext::Main : TccContext::Dma, *Cycles, {}};
  auto Reads = [&](const std::string &What) {
    auto Maker = Into.Makers.find(What);
    if (Maker == Into.Makers.end())
      return false;
    Made.Producers.push_back(Maker->second);
    return true;
  };
  if (Kind == "store" && !Reads(Name))
    return "nothing makes '" + Name + "'";
  while (Words >> Read)
    if (!Reads(Read))
      return "nothing makes '" + Read + "'";
  if (Kind != "store")
    Into.Makers[Name] = Into.Instructions.size();
  Into.Names.push_back(Name);
  Into.Instructions.push_back(std::move(Made));
  return "";
}

} // namespace

int main(int Count, char **Arguments) {
  std::ifstream File(Count == 2 ? Arguments[1] : "");
  std::stringstream Text;
  Text << File.rdbuf();
  Result<Machine> Chip =
      Machine::parse(Text.str(), Count == 2 ? Arguments[1] : "-");
  Result<TccTiming> Timing =
      Chip ? TccTiming::of(*Chip) : Result<TccTiming>(Chip.status());
  if (!Timing) {
    std::cerr << "error: " << Timing.status().message() << "\n";
    return 1;
  }
  Program Current;
  for (std::string Line; std::getline(std::cin, Line);) {
    if (Line.starts_with("pes ")) {
      if (Current.Pes)
        Current.print();
      Current = Program();
      std::istringstream(Line.substr(4)) >> Current.Pes;
    } else if (std::string Problem = take(Line, *Timing, Current);
               !Problem.empty()) {
      std::cerr << "error: " << Problem << "\n";
      return 1;
    }
  }
  if (Current.Pes)
    Current.print();
  return 0;
}

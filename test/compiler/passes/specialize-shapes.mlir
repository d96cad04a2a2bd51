// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: dure-opt %s --split-input-file --dure-note-equal-dims "--dure-specialize-shapes=buckets={s=4,8}" | FileCheck %s
// RUN: dure-opt %s --split-input-file --dure-note-equal-dims --dure-specialize-shapes | FileCheck %s --check-prefix=DEFAULT

!x = tensor<?x?x16xf32, #dure.dims<["b", "s", "16"]>>

// Tests that an entry becomes a table, smallest sizes first, of functions of
// static shapes, and that rows by themselves are padded. A batch is 1 where
// nobody asks for more, another dimension 32, 128 and 512.
module {
  // CHECK: func.func private @main(tensor<?x?x16xf32{{.*}}) -> tensor<?x?x16xf32
  // CHECK-SAME: dure.bucket_symbols = ["b", "s"]
  // CHECK-SAME: callee = @main.b1.s4, padded = ["s"], sizes = array<i64: 1, 4>
  // CHECK-SAME: callee = @main.b1.s8, padded = ["s"], sizes = array<i64: 1, 8>
  // CHECK: func.func private @main.b1.s4(%{{.*}}: tensor<1x4x16xf32>
  // CHECK-SAME: dure.bucket_fn
  // CHECK: dure.add {{.*}} : (tensor<1x4x16xf32>, tensor<1x4x16xf32>)
  // CHECK: func.func private @main.b1.s8(%{{.*}}: tensor<1x8x16xf32>
  // DEFAULT: func.func private @main
  // DEFAULT-SAME: sizes = array<i64: 1, 32>{{.*}}sizes = array<i64: 1, 128>{{.*}}sizes = array<i64: 1, 512>
  func.func @main(%x: !x) -> !x {
    %0 = dure.add %x, %x : (!x, !x) -> !x
    return %0 : !x
  }
}

// -----

!x = tensor<?x?x16xf32, #dure.dims<["b", "s", "16"]>>
!mean = tensor<?x16xf32, #dure.dims<["b", "16"]>>

// Tests that a mean over all positions, which more of them would change, is
// computed for exact sizes alone.
module {
  // CHECK: callee = @main.b1.s4, padded = [], sizes = array<i64: 1, 4>
  func.func @main(%x: !x) -> !mean {
    %0 = dure.reduce %x {axes = array<i64: 1>, kind = #dure<reduce_kind mean>, keep_dims = false} : (!x) -> !mean
    return %0 : !mean
  }
}

// -----

!x = tensor<?x?x16xf32, #dure.dims<["b", "s", "16"]>>
!m = tensor<?x?x1xf32, #dure.dims<["b", "s", "1"]>>
!sum = tensor<?x16xf32, #dure.dims<["b", "16"]>>

// Tests that a sum of what a mask makes zero is the same with more zeros.
module {
  // CHECK: callee = @main.b1.s4, padded = ["s"]
  func.func @main(%x: !x, %m: !m) -> !sum {
    %0 = dure.exp %x : (!x) -> !x
    %1 = dure.mul %0, %m : (!x, !m) -> !x
    %2 = dure.reduce %1 {axes = array<i64: 1>, kind = #dure<reduce_kind sum>, keep_dims = false} : (!x) -> !sum
    return %2 : !sum
  }
}

// -----

!x = tensor<?x?x16xf32, #dure.dims<["b", "s", "16"]>>
!sum = tensor<?x16xf32, #dure.dims<["b", "16"]>>

// Tests that a sum of what padding does not leave zero is not: exp 0 is 1.
module {
  // CHECK: callee = @main.b1.s4, padded = []
  func.func @main(%x: !x) -> !sum {
    %0 = dure.exp %x : (!x) -> !x
    %1 = dure.reduce %0 {axes = array<i64: 1>, kind = #dure<reduce_kind sum>, keep_dims = false} : (!x) -> !sum
    return %1 : !sum
  }
}

// -----

!q = tensor<?x2x?x16xf32, #dure.dims<["b", "2", "s", "16"]>>
!m = tensor<?x1x1x?xi1, #dure.dims<["b", "1", "1", "s"]>>
!in = tensor<?x?xi64, #dure.dims<["b", "s"]>>
!i1 = tensor<?x?xi1, #dure.dims<["b", "s"]>>

// Tests that keys which the mask of an input hides may be padded: what is put
// behind it is false.
module {
  // CHECK: callee = @main.b1.s4, padded = ["s"]
  func.func @main(%q: !q, %in: !in) -> !q {
    %0 = dure.cast %in {to = i1} : (!in) -> !i1
    %1 = dure.reshape %0 : !i1 -> !m
    %2 = dure.attention %q, %q, %q mask %1 {scale = 1.0 : f32, empty_row = #dure<empty_row mean>} : (!q, !q, !q, !m) -> !q
    return %2 : !q
  }
}

// -----

!q = tensor<?x2x?x16xf32, #dure.dims<["b", "2", "s", "16"]>>
!m = tensor<?x1x1x?xi1, #dure.dims<["b", "1", "1", "s"]>>
!in = tensor<?x?xi64, #dure.dims<["b", "s"]>>
!i1 = tensor<?x?xi1, #dure.dims<["b", "s"]>>

// Tests that keys which nothing hides, or a mask that is true behind its end
// shows, are not.
module {
  // CHECK: callee = @main.b1.s4, padded = []
  func.func @main(%q: !q, %in: !in) -> (!q, !q) {
    %0 = dure.cast %in {to = i1} : (!in) -> !i1
    %1 = dure.not %0 : (!i1) -> !i1
    %2 = dure.reshape %1 : !i1 -> !m
    %3 = dure.attention %q, %q, %q mask %2 {scale = 1.0 : f32, empty_row = #dure<empty_row mean>} : (!q, !q, !q, !m) -> !q
    %4 = dure.attention %q, %q, %q {scale = 1.0 : f32, empty_row = #dure<empty_row zero>} : (!q, !q, !q) -> !q
    return %3, %4 : !q, !q
  }
}

// -----

!q = tensor<?x2x?x16xf32, #dure.dims<["b", "2", "s", "16"]>>

// Tests that causal order hides keys that come later than every query.
module {
  // CHECK: callee = @main.b1.s4, padded = ["s"]
  func.func @main(%q: !q) -> !q {
    %0 = dure.attention %q, %q, %q {causal = true, scale = 1.0 : f32, empty_row = #dure<empty_row zero>} : (!q, !q, !q) -> !q
    return %0 : !q
  }
}

// -----

!x = tensor<?x?x16xf32, #dure.dims<["b", "s", "16"]>>
!l = tensor<?x1x16xf32, #dure.dims<["b", "1", "16"]>>

// Tests that the last position is another one in a longer sequence.
module {
  // CHECK: callee = @main.b1.s4, padded = []
  func.func @main(%x: !x) -> !l {
    %0 = dure.slice %x {starts = #dure.dims<["0", "s - 1", "0"]>, sizes = #dure.dims<["b", "1", "16"]>, steps = array<i64: 1, 1, 1>} : (!x) -> !l
    return %0 : !l
  }
}

// -----

!ids = tensor<?x?xi64, #dure.dims<["b", "s"]>>
!row = tensor<?x?x16xf32, #dure.dims<["b", "s", "16"]>>

// Tests that ids are padded with 0, which every table has, but not where the
// model makes something of it that the table may not have.
module {
  // CHECK: callee = @main.b1.s4, padded = ["s"]
  func.func @main(%ids: !ids, %table: tensor<9x16xf32>) -> !row {
    %0 = dure.gather %table, %ids {axis = 0 : i64} : (tensor<9x16xf32>, !ids) -> !row
    return %0 : !row
  }
}

// -----

!ids = tensor<?x?xi64, #dure.dims<["b", "s"]>>
!row = tensor<?x?x16xf32, #dure.dims<["b", "s", "16"]>>

module {
  // CHECK: callee = @main.b1.s4, padded = []
  func.func @main(%ids: !ids, %table: tensor<9x16xf32>) -> !row {
    %c = dure.constant dense<9> : tensor<i64> : tensor<i64>
    %0 = dure.add %ids, %c : (!ids, tensor<i64>) -> !ids
    %1 = dure.gather %table, %0 {axis = 0 : i64} : (tensor<9x16xf32>, !ids) -> !row
    return %1 : !row
  }
}

// -----

!x = tensor<?x?xf32, #dure.dims<["b", "s"]>>
!y = tensor<1x?xf32, #dure.dims<["1", "s"]>>

// Tests that a default which the model cannot have gives way to the largest
// that it can: a table of positions has an end.
module {
  // DEFAULT: callee = @main.b1.s32,{{.*}}callee = @main.b1.s100, {{[^}]*}}}]
  func.func @main(%x: !x, %table: tensor<1x100xf32>) -> !x {
    %0 = dure.slice %table {starts = #dure.dims<["0", "0"]>, sizes = #dure.dims<["1", "s"]>, steps = array<i64: 1, 1>} : (tensor<1x100xf32>) -> !y
    %1 = dure.add %x, %0 : (!x, !y) -> !x
    return %1 : !x
  }
}

// -----

!ids = tensor<?x?xf32, #dure.dims<["b", "t"]>>
!m = tensor<?x?xi1, #dure.dims<["b", "total"]>>
!new = tensor<?x2x?x16xf32, #dure.dims<["b", "2", "t", "16"]>>
!kv = tensor<?x2x?x16xf32, #dure.dims<["b", "2", "c", "16"]>>
!all = tensor<?x2x?x16xf32, #dure.dims<["b", "2", "past + t", "16"]>>
!cut = tensor<?x?xi1, #dure.dims<["b", "past + t"]>>
!mask = tensor<?x1x1x?xi1, #dure.dims<["b", "1", "1", "past + t"]>>

// Tests that a step on state is for one capacity and numbers of new positions,
// and reads the length: keys up to it are seen, others not.
module {
  // DEFAULT: func.func private @step
  // DEFAULT-SAME: dure.bucket_symbols = ["b", "t", "total", "c"]
  // DEFAULT-SAME: padded = ["total"], sizes = array<i64: 1, 1, 512, 512>
  // DEFAULT-SAME: padded = ["total"], sizes = array<i64: 1, 128, 512, 512>
  // DEFAULT: func.func private @step.b1.t1.total512.c512
  // DEFAULT: %[[LENGTH:.*]] = dure.reduce %{{.*}} {{{.*}}reduce_kind max{{.*}} : (tensor<1xi64>) -> tensor<i64>
  // DEFAULT: dure.iota 0 : tensor<512xi64>
  // DEFAULT: dure.add %{{.*}}, %[[LENGTH]]
  // DEFAULT: %[[SEEN:.*]] = dure.compare {{.*}}le
  // DEFAULT: dure.and %{{.*}}, %[[SEEN]]
  // DEFAULT: dure.attention {{.*}} mask
  // DEFAULT-NOT: causal = true
  // DEFAULT: return
  func.func @step(%q: !new, %m: !m, %k: !kv {dure.state}, %n: tensor<?xi64, #dure.dims<["b"]>> {dure.state_lengths}) -> !new
      attributes {dure.state_length_symbol = "past", dure.state_capacity_symbol = "c", dure.state_growth = #dure.dims<["t"]>} {
    %0 = dure.slice %m {starts = #dure.dims<["0", "0"]>, sizes = #dure.dims<["b", "past + t"]>, steps = array<i64: 1, 1>} : (!m) -> !cut
    %1 = dure.reshape %0 : !cut -> !mask
    %2 = dure.cache_update %k, %q, %n : (!kv, !new, tensor<?xi64, #dure.dims<["b"]>>) -> !kv
    %3 = dure.slice %2 {starts = #dure.dims<["0", "0", "0", "0"]>, sizes = #dure.dims<["b", "2", "past + t", "16"]>, steps = array<i64: 1, 1, 1, 1>} : (!kv) -> !all
    %4 = dure.attention %q, %3, %3 mask %1 {causal = true, scale = 1.0 : f32, empty_row = #dure<empty_row mean>} : (!new, !all, !all, !mask) -> !new
    return %4 : !new
  }
}

// -----

!x = tensor<?x16xf32, #dure.dims<["s", "16"]>>
!scores = tensor<?x8xf32, #dure.dims<["s", "8"]>>
!e = tensor<?x2xi64, #dure.dims<["s", "2"]>>
!y = tensor<?x2x32xf32, #dure.dims<["s", "2", "32"]>>

// Tests that rows of padding choose experts like others, since what a sort gives
// names one of them.
module {
  // CHECK: callee = @main.s4, padded = ["s"]
  func.func @main(%x: !x, %scores: !scores, %w: tensor<8x16x32xf32>) -> !y {
    %0 = dure.top_k %scores {axis = 1 : i64, k = #dure.dims<["2"]>} : (!scores) -> !e
    %1 = dure.expert_matmul %x, %0, %w : (!x, !e, tensor<8x16x32xf32>) -> !y
    return %1 : !y
  }
}

// -----

!x = tensor<?x16xf32, #dure.dims<["s", "16"]>>
!e = tensor<?x2xi64, #dure.dims<["s", "2"]>>
!y = tensor<?x2x32xf32, #dure.dims<["s", "2", "32"]>>

// Tests that rows of padding which would choose an expert that there is not are
// not made.
module {
  // CHECK: callee = @main.s4, padded = []
  func.func @main(%x: !x, %e: !e, %w: tensor<8x16x32xf32>) -> !y {
    %8 = dure.constant dense<8> : tensor<i64> : tensor<i64>
    %0 = dure.sub %8, %e : (tensor<i64>, !e) -> !e
    %1 = dure.expert_matmul %x, %0, %w : (!x, !e, tensor<8x16x32xf32>) -> !y
    return %1 : !y
  }
}

;; The source of MODULE in checksum-simd.ts.
(module
  (memory (export "memory") 2 2)
  ;; The sum of the bytes at 0..length as little-endian 16-bit words, for at most 65,536 bytes: a lane takes 4,096 sums
  ;; of two words and the four lanes together stay below 2^32. The 32 bytes behind them are cleared first.
  (func (export "sum") (param $length i32) (result i32)
    (local $at i32)
    (local $even v128)
    (local $odd v128)
    (v128.store (local.get $length) (v128.const i64x2 0 0))
    (v128.store offset=16 (local.get $length) (v128.const i64x2 0 0))
    (loop $next
      (local.set $even
        (i32x4.add (local.get $even) (i32x4.extadd_pairwise_i16x8_u (v128.load (local.get $at)))))
      (local.set $odd
        (i32x4.add (local.get $odd) (i32x4.extadd_pairwise_i16x8_u (v128.load offset=16 (local.get $at)))))
      (br_if $next
        (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 32))) (local.get $length))))
    (local.set $even (i32x4.add (local.get $even) (local.get $odd)))
    (i32.add
      (i32.add (i32x4.extract_lane 0 (local.get $even)) (i32x4.extract_lane 1 (local.get $even)))
      (i32.add (i32x4.extract_lane 2 (local.get $even)) (i32x4.extract_lane 3 (local.get $even))))))

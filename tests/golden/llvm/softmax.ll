; kernel(z: float32, out p: float32)
;   for i < 600:
;     reduce j < 10:
;       top = maximum(top, z[((i * 10) + j)])
;     reduce j < 10:
;       total = add(total, exp((z[((i * 10) + j)] - top)))
;     for j < 10:
;       p[((i * 10) + j)] = (exp((z[((i * 10) + j)] - top)) / total)
target triple = "x86_64-unknown-linux-gnu"
define internal void @kernel(ptr noalias %p0, ptr noalias %p1, i64 %part, i64 %parts, ptr noalias %scratch) #0 {
entry:
  %v1 = mul i64 600, %part
  %v2 = udiv i64 %v1, %parts
  %v3 = add i64 %part, 1
  %v4 = mul i64 600, %v3
  %v5 = udiv i64 %v4, %parts
  %v9 = icmp slt i64 %v2, %v5
  br i1 %v9, label %b8, label %b7
b8:
  br label %b6
b6:
  %v10 = phi i64 [ %v2, %b8 ], [ %v58, %b6 ]
  %v11 = mul i64 %v10, 10
  %v12 = getelementptr inbounds float, ptr %p0, i64 %v11
  %v13 = getelementptr inbounds float, ptr %v12, i64 8
  %v14 = load <8 x float>, ptr %v12, align 4
  %v15 = call <8 x float> @llvm.masked.load.v8f32.p0(ptr %v13, i32 4, <8 x i1> bitcast (i8 3 to <8 x i1>), <8 x float> zeroinitializer)
  %v16 = select <8 x i1> bitcast (i8 3 to <8 x i1>), <8 x float> %v15, <8 x float> splat (float 0xFFF0000000000000)
  %v17 = fcmp ogt <8 x float> %v14, %v16
  %v18 = select <8 x i1> %v17, <8 x float> %v14, <8 x float> %v16
  %v19 = fcmp uno <8 x float> %v14, %v14
  %v20 = select <8 x i1> %v19, <8 x float> %v14, <8 x float> %v18
  %v21 = shufflevector <8 x float> %v20, <8 x float> poison, <8 x i32> <i32 4, i32 5, i32 6, i32 7, i32 poison, i32 poison, i32 poison, i32 poison>
  %v22 = fcmp ogt <8 x float> %v20, %v21
  %v23 = select <8 x i1> %v22, <8 x float> %v20, <8 x float> %v21
  %v24 = fcmp uno <8 x float> %v20, %v20
  %v25 = select <8 x i1> %v24, <8 x float> %v20, <8 x float> %v23
  %v26 = shufflevector <8 x float> %v25, <8 x float> poison, <8 x i32> <i32 2, i32 3, i32 poison, i32 poison, i32 poison, i32 poison, i32 poison, i32 poison>
  %v27 = fcmp ogt <8 x float> %v25, %v26
  %v28 = select <8 x i1> %v27, <8 x float> %v25, <8 x float> %v26
  %v29 = fcmp uno <8 x float> %v25, %v25
  %v30 = select <8 x i1> %v29, <8 x float> %v25, <8 x float> %v28
  %v31 = shufflevector <8 x float> %v30, <8 x float> poison, <8 x i32> <i32 1, i32 poison, i32 poison, i32 poison, i32 poison, i32 poison, i32 poison, i32 poison>
  %v32 = fcmp ogt <8 x float> %v30, %v31
  %v33 = select <8 x i1> %v32, <8 x float> %v30, <8 x float> %v31
  %v34 = fcmp uno <8 x float> %v30, %v30
  %v35 = select <8 x i1> %v34, <8 x float> %v30, <8 x float> %v33
  %v36 = extractelement <8 x float> %v35, i64 0
  %v37 = insertelement <8 x float> poison, float %v36, i64 0
  %v38 = shufflevector <8 x float> %v37, <8 x float> poison, <8 x i32> zeroinitializer
  %v39 = fsub <8 x float> %v14, %v38
  %v40 = fsub <8 x float> %v15, %v38
  %v41 = call <8 x float> @exp.float32.8.0816b471(<8 x float> %v39)
  %v42 = call <8 x float> @exp.float32.8.0816b471(<8 x float> %v40)
  %v43 = select <8 x i1> bitcast (i8 3 to <8 x i1>), <8 x float> %v42, <8 x float> zeroinitializer
  %v44 = fadd <8 x float> %v41, %v43
  %v45 = shufflevector <8 x float> %v44, <8 x float> poison, <8 x i32> <i32 4, i32 5, i32 6, i32 7, i32 poison, i32 poison, i32 poison, i32 poison>
  %v46 = fadd <8 x float> %v44, %v45
  %v47 = shufflevector <8 x float> %v46, <8 x float> poison, <8 x i32> <i32 2, i32 3, i32 poison, i32 poison, i32 poison, i32 poison, i32 poison, i32 poison>
  %v48 = fadd <8 x float> %v46, %v47
  %v49 = shufflevector <8 x float> %v48, <8 x float> poison, <8 x i32> <i32 1, i32 poison, i32 poison, i32 poison, i32 poison, i32 poison, i32 poison, i32 poison>
  %v50 = fadd <8 x float> %v48, %v49
  %v51 = extractelement <8 x float> %v50, i64 0
  %v52 = insertelement <8 x float> poison, float %v51, i64 0
  %v53 = shufflevector <8 x float> %v52, <8 x float> poison, <8 x i32> zeroinitializer
  %v54 = fdiv <8 x float> %v41, %v53
  %v55 = fdiv <8 x float> %v42, %v53
  %v56 = getelementptr inbounds float, ptr %p1, i64 %v11
  %v57 = getelementptr inbounds float, ptr %v56, i64 8
  store <8 x float> %v54, ptr %v56, align 4
  call void @llvm.masked.store.v8f32.p0(<8 x float> %v55, ptr %v57, i32 4, <8 x i1> bitcast (i8 3 to <8 x i1>))
  %v58 = add i64 %v10, 1
  %v59 = icmp slt i64 %v58, %v5
  br i1 %v59, label %b6, label %b7
b7:
  ret void
}

declare <8 x float> @llvm.fma.v8f32(<8 x float>, <8 x float>, <8 x float>)
declare <8 x float> @llvm.masked.load.v8f32.p0(ptr, i32, <8 x i1>, <8 x float>)
declare void @llvm.masked.store.v8f32.p0(<8 x float>, ptr, i32, <8 x i1>)
attributes #0 = { nounwind "prefer-vector-width"="256" }
attributes #1 = { alwaysinline nounwind "prefer-vector-width"="256" }

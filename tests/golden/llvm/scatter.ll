; kernel(out x: float32, y: float32, at: int64, n)
;   for i < 100:
;     in order k < n:
;       x[((at[k] * 100) + i)] = (x[((at[k] * 100) + i)] + y[((k * 100) + i)])
target triple = "x86_64-unknown-linux-gnu"
define internal void @kernel(ptr noalias %p0, ptr noalias %p1, ptr noalias %p2, i64 %n0, i64 %part, i64 %parts, ptr noalias %scratch) #0 {
entry:
  br label %b1
b1:
  %v3 = phi i64 [ 0, %entry ], [ %v42, %b5 ]
  %v7 = icmp slt i64 0, %n0
  br i1 %v7, label %b6, label %b5
b6:
  br label %b4
b4:
  %v8 = phi i64 [ 0, %b6 ], [ %v40, %b4 ]
  %v9 = getelementptr inbounds i64, ptr %p2, i64 %v8
  %v10 = load i64, ptr %v9, align 8
  %v11 = mul i64 %v10, 100
  %v12 = add i64 %v11, %v3
  %v13 = getelementptr inbounds float, ptr %p0, i64 %v12
  %v14 = getelementptr inbounds float, ptr %v13, i64 8
  %v15 = getelementptr inbounds float, ptr %v13, i64 16
  %v16 = getelementptr inbounds float, ptr %v13, i64 24
  %v17 = load <8 x float>, ptr %v13, align 4
  %v18 = load <8 x float>, ptr %v14, align 4
  %v19 = load <8 x float>, ptr %v15, align 4
  %v20 = load <8 x float>, ptr %v16, align 4
  %v21 = mul i64 %v8, 100
  %v22 = add i64 %v21, %v3
  %v23 = getelementptr inbounds float, ptr %p1, i64 %v22
  %v24 = getelementptr inbounds float, ptr %v23, i64 8
  %v25 = getelementptr inbounds float, ptr %v23, i64 16
  %v26 = getelementptr inbounds float, ptr %v23, i64 24
  %v27 = load <8 x float>, ptr %v23, align 4
  %v28 = load <8 x float>, ptr %v24, align 4
  %v29 = load <8 x float>, ptr %v25, align 4
  %v30 = load <8 x float>, ptr %v26, align 4
  %v31 = fadd <8 x float> %v17, %v27
  %v32 = fadd <8 x float> %v18, %v28
  %v33 = fadd <8 x float> %v19, %v29
  %v34 = fadd <8 x float> %v20, %v30
  %v35 = add i64 %v11, %v3
  %v36 = getelementptr inbounds float, ptr %p0, i64 %v35
  %v37 = getelementptr inbounds float, ptr %v36, i64 8
  %v38 = getelementptr inbounds float, ptr %v36, i64 16
  %v39 = getelementptr inbounds float, ptr %v36, i64 24
  store <8 x float> %v31, ptr %v36, align 4
  store <8 x float> %v32, ptr %v37, align 4
  store <8 x float> %v33, ptr %v38, align 4
  store <8 x float> %v34, ptr %v39, align 4
  %v40 = add i64 %v8, 1
  %v41 = icmp slt i64 %v40, %n0
  br i1 %v41, label %b4, label %b5
b5:
  %v42 = add i64 %v3, 32
  %v43 = icmp slt i64 %v42, 96
  br i1 %v43, label %b1, label %b2
b2:
  %v47 = icmp slt i64 0, %n0
  br i1 %v47, label %b46, label %b45
b46:
  br label %b44
b44:
  %v48 = phi i64 [ 0, %b46 ], [ %v62, %b44 ]
  %v49 = getelementptr inbounds i64, ptr %p2, i64 %v48
  %v50 = load i64, ptr %v49, align 8
  %v51 = mul i64 %v50, 100
  %v52 = add i64 %v51, 96
  %v53 = getelementptr inbounds float, ptr %p0, i64 %v52
  %v54 = call <8 x float> @llvm.masked.load.v8f32.p0(ptr %v53, i32 4, <8 x i1> bitcast (i8 15 to <8 x i1>), <8 x float> zeroinitializer)
  %v55 = mul i64 %v48, 100
  %v56 = add i64 %v55, 96
  %v57 = getelementptr inbounds float, ptr %p1, i64 %v56
  %v58 = call <8 x float> @llvm.masked.load.v8f32.p0(ptr %v57, i32 4, <8 x i1> bitcast (i8 15 to <8 x i1>), <8 x float> zeroinitializer)
  %v59 = fadd <8 x float> %v54, %v58
  %v60 = add i64 %v51, 96
  %v61 = getelementptr inbounds float, ptr %p0, i64 %v60
  call void @llvm.masked.store.v8f32.p0(<8 x float> %v59, ptr %v61, i32 4, <8 x i1> bitcast (i8 15 to <8 x i1>))
  %v62 = add i64 %v48, 1
  %v63 = icmp slt i64 %v62, %n0
  br i1 %v63, label %b44, label %b45
b45:
  ret void
}

declare <8 x float> @llvm.masked.load.v8f32.p0(ptr, i32, <8 x i1>, <8 x float>)
declare void @llvm.masked.store.v8f32.p0(<8 x float>, ptr, i32, <8 x i1>)
attributes #0 = { nounwind "prefer-vector-width"="256" }
attributes #1 = { alwaysinline nounwind "prefer-vector-width"="256" }

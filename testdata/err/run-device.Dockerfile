FROM alpine:3.20
RUN --device=vendor.example/gpu=all true
RUN --device=vendor.example/gpu=0,required=false --device=name=vendor.example/nic,required true

FROM alpine

FRMO alpine

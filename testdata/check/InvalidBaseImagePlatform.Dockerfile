# The image has {"architecture":"arm64"}: its name says so in hex.
FROM example/config-7b22617263686974656374757265223a2261726d3634227d

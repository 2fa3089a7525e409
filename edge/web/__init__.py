"""The local pages and the API of the station: reads the board, writes through the inbox, keeps nothing itself."""

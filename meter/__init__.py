"""How does usage become money?"""

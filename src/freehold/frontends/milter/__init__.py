"""The milter protocol: mail servers that let a filter decide about a message before they accept it.

``packets`` reads and writes what goes over the connection, ``connection`` holds the conversation, ``answers`` says what
becomes of a message, ``server`` welcomes mail servers. Messages are passed on as descriptors and never looked at here.
Protocol: version 6, as sendmail's libmilter (``mfdef.h``, ``mfapi.h``) and Postfix speak it.
"""

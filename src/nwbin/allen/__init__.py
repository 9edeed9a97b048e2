"""What makes an NWB file a Visual Coding session: filters, stimulus conditions, invalid times, eye, LFP.

Each module turns what :class:`nwbin.File` reads into what AllenSDK's EcephysSession shows, one subject each, and
knows nothing of the others unless it must.
"""

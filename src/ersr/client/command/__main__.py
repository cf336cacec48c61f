from ersr.client.command import main

if __name__ == "__main__":
    main()
